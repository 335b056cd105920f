"""`imagemill make-keys`: make the keys of an installation of several machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagemill.cli import screen


def make_keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to put them into.")],
) -> None:
    """Make the keys that a folder lacks, for all processes.

    Each is a file that only you can read. Every process gets the same folder, read-only if you
    like: IMAGEMILL_KEYS_FOLDER names it.
    """
    from imagemill.assembly import key_files

    made = key_files.make(folder)
    for name in made:
        screen.say(f"{folder / name}: made")
    if not made:
        screen.say(f"{folder} lacks nothing.")
