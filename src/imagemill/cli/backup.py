"""`imagemill backup` and `imagemill restore`: a copy of all that is kept, and the way back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagemill.backup.manifest import Manifest
    from imagemill.backup.report import Part, Report
    from imagemill.settings import Settings

_SHOWN = 10
"""Images that are named in an error; more would fill the screen."""
_COLUMNS = (Column("what"), Column("files", is_number=True), Column("size", is_number=True))
Folder = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The backup.")]


def backup(
    folder: Folder,
    *,
    data: options.Data = None,
    check: Annotated[
        bool, typer.Option("--check", help="Verify the backup that is there; copy nothing.")
    ] = False,
) -> None:
    """Copy all that is kept, while it is in use.

    Databases, originals, results and keys. A backup into the same folder copies only what is new.
    The exit code is 1 when an original is missing or damaged; all else is copied even then.
    """
    began = time.monotonic()
    if check:
        manifest = asyncio.run(_check(folder))
        _say_parts(manifest, f"{folder} is whole", began)
        return
    report = asyncio.run(_back_up(_settings(data), folder))
    _say_parts(report.manifest, f"Backed up into {folder}", began)
    _say_rest(report)


def restore(folder: Folder, *, data: options.Data = None) -> None:
    """Make a data folder of a backup.

    The folder must be new or empty. Every file is checked first; a backup that is damaged or not
    finished is refused, and nothing is left behind.
    """
    began, settings = time.monotonic(), _settings(data)
    manifest = asyncio.run(_restore(folder, settings.data))
    _say_parts(manifest, f"Restored into {settings.data}", began)
    if manifest.missing:
        screen.note(f"{len(manifest.missing)} objects were not in the backup.")
    screen.say(f"Start it with `imagemill serve --data {settings.data}`.")


async def _back_up(settings: Settings, folder: Path) -> Report:
    import secrets
    from datetime import UTC, datetime

    from imagemill import assembly
    from imagemill.backup.copying import Backup
    from imagemill.backup.folder import BackupFolder

    async with assembly.backup_source(settings) as source:
        backup = Backup(
            source=source,
            folder=BackupFolder(folder),
            tell=screen.note,
            now=lambda: datetime.now(UTC),
            new_id=lambda: secrets.token_hex(4),
        )
        return await backup.make()


async def _check(folder: Path) -> Manifest:
    from imagemill.assembly import BACKUP
    from imagemill.backup.folder import BackupFolder
    from imagemill.backup.restoring import Restore

    return await Restore(BackupFolder(folder), BACKUP, screen.note).check()


async def _restore(folder: Path, data: Path) -> Manifest:
    from imagemill.assembly import BACKUP
    from imagemill.backup.folder import BackupFolder
    from imagemill.backup.restoring import Restore

    return await Restore(BackupFolder(folder), BACKUP, screen.note).into(data)


def _settings(data: Path | None) -> Settings:
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    return Settings.load(**flags)


def _say_parts(manifest: Manifest, done: str, began: float) -> None:
    from imagemill.backup.report import parts

    screen.table(_COLUMNS, [_row(each) for each in parts(manifest)])
    screen.say(
        f"{done} in {time.monotonic() - began:.1f} s: as it was at "
        f"{manifest.made_at:%Y-%m-%d %H:%M:%S %Z}."
    )


def _say_rest(report: Report) -> None:
    screen.say(f"Objects copied by this run: {_in_words(report.new)}.")
    if report.gone:
        screen.note(f"{report.gone} objects were removed or replaced meanwhile and are not in it.")
    if report.lost:
        more = f" and {len(report.lost) - _SHOWN} more" if len(report.lost) > _SHOWN else ""
        raise CommandFailed(
            "All else is in the backup, but the originals of these images are missing or damaged: "
            f"{', '.join(report.lost[:_SHOWN])}{more}. Take them from an older backup, or upload "
            "them again."
        )


def _in_words(new: Iterable[Part]) -> str:
    return ", ".join(
        f"{each.files} {each.what} ({screen.bytes_in_words(each.size_bytes)})" for each in new
    )


def _row(part: Part) -> tuple[str, str, str]:
    return (part.what, str(part.files), screen.bytes_in_words(part.size_bytes))
