"""`imagemill key`: print the key that was made at the first start."""

from __future__ import annotations

from typing import Any

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed


def key(*, data: options.Data = None) -> None:
    """Print the key of this machine."""
    from imagemill.cli.remote import key_file, read_key
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    path = key_file(Settings.load(**flags))
    found = read_key(path)
    if not found:
        raise CommandFailed(
            f"{path} holds no key that you may read. `imagemill serve` makes one at its first "
            "start; --data or IMAGEMILL_DATA names another folder."
        )
    screen.say(found)
