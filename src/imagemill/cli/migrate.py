"""`imagemill migrate`: bring every database to the newest schema."""

from __future__ import annotations

import asyncio
from typing import Any

from imagemill.cli import options, screen


def migrate(*, data: options.Data = None) -> None:
    """Bring the databases to this version.

    It may run again at any time; what was done is not done twice. With SQLite, `imagemill serve`
    does the same when it starts.
    """
    from imagemill import assembly
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    names = asyncio.run(assembly.migrate(Settings.load(**flags)))
    screen.say(f"Ready: {', '.join(names)}.")
