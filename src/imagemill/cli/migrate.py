"""`imagemill migrate`: bring every database to the newest schema."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import typer

from imagemill.cli import options, screen


def migrate(
    *,
    phase: Annotated[
        Literal["expand", "contract", "both"],
        typer.Option(
            help="With older processes still running, `expand` before the first of this version "
            "starts, and `contract` after the last older one has ended."
        ),
    ] = "both",
    data: options.Data = None,
) -> None:
    """Bring the databases to this version.

    It may run again at any time; what was done is not done twice. With SQLite, `imagemill serve`
    does the same when it starts; with PostgreSQL it only looks, and refuses to start before this
    has run.
    """
    from imagemill import assembly
    from imagemill.database.migrations import Phase
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    names = asyncio.run(assembly.migrate(Settings.load(**flags), Phase(phase)))
    screen.say(f"Ready: {', '.join(names)}.")
