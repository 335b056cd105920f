"""`imagemill rotate-keys`: let new keys sign from now on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from imagemill.cli import options, screen


def rotate_keys(
    *,
    after: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="How long the new keys only check, until every process has them.",
        ),
    ] = 0,
    data: options.Data = None,
) -> None:
    """Let new keys sign access tokens, and links to files.

    A running server takes them up at once. What older keys signed holds until its own time is over.
    """
    from imagemill.assembly import key_files
    from imagemill.settings import TOKEN_KEYS, URL_KEYS, Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    made = key_files.rotate(Settings.load(**flags), after)
    when = f" in {after} s" if after else ""
    screen.say(f"Access tokens are signed with the key {made[TOKEN_KEYS]}{when}.")
    screen.say(f"URLs are signed with the key {made[URL_KEYS]}{when}.")
