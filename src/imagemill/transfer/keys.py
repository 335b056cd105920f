"""The generated keys, which the new system needs for old links, logins and services' calls."""

from __future__ import annotations

from pathlib import Path

from imagemill.backup import files
from imagemill.backup.places import KEYS
from imagemill.errors import Conflict


def copied(source: Path, folder: Path) -> tuple[str, ...]:
    """Copy the keys of a data folder for their owner alone; answer their names.

    Those that are there already stay. Raises `Conflict` for one that is another, before any is
    copied, and `Unavailable` when the folder cannot be written.
    """
    found = {name: (source / name).read_bytes() for name in KEYS if (source / name).is_file()}
    for name, content in found.items():
        if (folder / name).is_file() and (folder / name).read_bytes() != content:
            raise Conflict(
                f"{folder / name} is another key than that of {source}; name another folder, or "
                "move that key away."
            )
    with files.written_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in found.items():
            if not (folder / name).is_file():
                files.write(folder / name, content)
    return tuple(found)
