"""`imagemill rotate-keys`: let new keys sign from now on."""

from __future__ import annotations

from typing import Any

from imagemill.cli import options, screen


def rotate_keys(*, data: options.Data = None) -> None:
    """Let new keys sign access tokens, and links to files.

    A running server takes them up at once. What older keys signed holds until its own time is over.
    """
    from imagemill.assembly import accounts
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    made = accounts.rotate_keys(Settings.load(**flags))
    screen.say(f"Access tokens are signed with the key {made['tokens']}.")
    screen.say(f"URLs are signed with the key {made['urls']}.")
