"""`imagemill rotate-keys`: let new keys sign from now on."""

from __future__ import annotations

from typing import Any

from imagemill.cli import options, screen


def rotate_keys(*, data: options.Data = None) -> None:
    """Let a new key sign access tokens.

    A running server takes it up at once. What older keys signed holds until its own time is over.
    """
    from imagemill import assembly
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    screen.say(
        f"Access tokens are signed with the key {assembly.rotate_keys(Settings.load(**flags))}."
    )
