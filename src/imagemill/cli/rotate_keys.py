"""`imagemill rotate-keys`: let new keys sign from now on."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from imagemill.cli import options, screen

_HANDED_OUT_S: Final = 600
"""Time for new files to reach every machine."""


def rotate_keys(
    *,
    after: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="How long the new keys only check, until every process has them; 600 where a "
            "folder of keys is set, which others have copies of, else 0.",
        ),
    ] = None,
    data: options.Data = None,
) -> None:
    """Let new keys sign access tokens, and links to files.

    A running server takes them up as soon as it sees the new files. What older keys signed holds
    until its own time is over.
    """
    from imagemill.assembly import key_files
    from imagemill.settings import TOKEN_KEYS, URL_KEYS, Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    settings = Settings.load(**flags)
    if after is None:
        after = _HANDED_OUT_S if settings.keys_folder else 0
    made = key_files.rotate(settings, after)
    when = f" in {after} s" if after else ""
    screen.say(f"Access tokens are signed with the key {made[TOKEN_KEYS]}{when}.")
    screen.say(f"URLs are signed with the key {made[URL_KEYS]}{when}.")
