"""`imagemill key`: print the key that was made at the first start."""

from __future__ import annotations

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed


def key(*, data: options.Data = None) -> None:
    """Print the key of this machine."""
    from imagemill.cli.remote import read_key
    from imagemill.settings import Settings

    folder = data or Settings.load().data
    found = read_key(folder)
    if not found:
        raise CommandFailed(
            f"{folder} holds no key that you may read. `imagemill serve` makes one at its first "
            "start; --data or IMAGEMILL_DATA names another folder."
        )
    screen.say(found)
