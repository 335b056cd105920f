"""`imagemill transfer`: move an installation from its data folder to other engines."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagemill.settings import Settings
    from imagemill.transfer.report import Moved, Report

_SHOWN = 10
"""Objects that are named; more would fill the screen."""
_COLUMNS = (Column("what"), Column("count", is_number=True), Column("size", is_number=True))


def transfer(
    source: Annotated[
        Path, typer.Option("--from", file_okay=False, help="The data folder that is moved.")
    ],
    *,
    data: options.Data = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be moved; change nothing.")
    ] = False,
    objects: Annotated[
        bool,
        typer.Option(
            "--objects", help="Copy objects alone, while the old system runs; less is left then."
        ),
    ] = False,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart",
            help="Empty what an earlier run wrote, and begin anew; not once one has finished.",
        ),
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Copy the generated keys there too."),
    ] = None,
) -> None:
    """Move all that is kept to the engines of the settings.

    Nothing may run on the folder, nor on what is filled. The folder itself is never changed. A run
    that ended early goes on when it is started again. The exit code is 1 when an original is
    missing or damaged; all else is copied even then.
    """
    began, settings = time.monotonic(), _settings(data)
    if dry_run:
        _say_survey(asyncio.run(_look(settings, source)), source)
    elif objects:
        report = asyncio.run(_bring_objects(settings, source))
        _say_moved(report.moved)
        _say_results(report)
        if report.lost:
            raise CommandFailed(_lost(report))
        screen.say(f"Copied in {time.monotonic() - began:.1f} s. Stop the old system, and go on.")
    else:
        report = asyncio.run(_move(settings, source, restart=restart))
        _say_keys(source, keys, settings)
        _say_report(report, source, began)


async def _look(settings: Settings, source: Path) -> Report:
    from imagemill.assembly.transfers import look_at_transfer

    return await look_at_transfer(settings, source)


async def _bring_objects(settings: Settings, source: Path) -> Report:
    from imagemill.assembly.transfers import transfer
    from imagemill.transfer.moving import OBJECTS

    with screen.bars((OBJECTS,)) as tell:
        async with transfer(settings, source, tell=tell, now=time.time) as opened:
            return await opened.bring_objects()


async def _move(settings: Settings, source: Path, *, restart: bool) -> Report:
    from imagemill.assembly.transfers import transfer
    from imagemill.transfer.moving import PARTS

    with screen.bars(PARTS) as tell:
        async with transfer(settings, source, tell=tell, now=time.time) as opened:
            return await opened.run(restart=restart)


def _settings(data: Path | None) -> Settings:
    from imagemill.settings import Settings

    flags: dict[str, Any] = {"data": data} if data else {}
    return Settings.load(**flags)


def _say_survey(report: Report, source: Path) -> None:
    _say_moved(report.moved)
    _say_unnamed(report.unnamed)
    if report.was_finished_at is not None:
        _say_nothing_to_do(report.was_finished_at)
        return
    if report.obstacles:
        raise CommandFailed("\n".join(report.obstacles))
    screen.say(f"Nothing stands in the way; {source} was not changed, nor anything made.")


def _say_report(report: Report, source: Path, began: float) -> None:
    if report.was_finished_at is not None:
        _say_nothing_to_do(report.was_finished_at)
        return
    _say_moved(report.moved)
    screen.say(
        f"Moved in {time.monotonic() - began:.1f} s; rows and objects are the same at both ends."
    )
    _say_unnamed(report.unnamed)
    _say_results(report)
    screen.say(
        "Start the new system with these settings; jobs that waited begin within a minute. "
        f"{source} is as it was: keep it until you trust the new one, and never run both for the "
        "same people."
    )
    if report.lost:
        raise CommandFailed(_lost(report))


def _say_results(report: Report) -> None:
    if results := len(report.broken) - len(report.lost):
        screen.note(f"{results} objects that can be made again were missing or damaged.")


def _lost(report: Report) -> str:
    more = f" and {len(report.lost) - _SHOWN} more" if len(report.lost) > _SHOWN else ""
    named = ", ".join(f"{each.one.image_id} ({each.fault})" for each in report.lost[:_SHOWN])
    return (
        f"All else was copied, but the originals of these images were not: {named}{more}. Take "
        "them from a backup and put them into the folder, then copy them with --objects."
    )


def _say_nothing_to_do(finished_at: float) -> None:
    at = datetime.fromtimestamp(finished_at, UTC)
    screen.say(f"Nothing to do: all was moved at {at:%Y-%m-%d %H:%M:%S %Z}.")


def _say_unnamed(unnamed: Sequence[str]) -> None:
    if not unnamed:
        return
    more = ", …" if len(unnamed) > _SHOWN else ""
    screen.note(
        f"Objects that no row names stay where they are: {len(unnamed)} "
        f"({', '.join(unnamed[:_SHOWN])}{more})."
    )


def _say_moved(moved: Iterable[Moved]) -> None:
    screen.table(_COLUMNS, [_row(each) for each in moved])


def _row(moved: Moved) -> tuple[str, str, str]:
    size = "" if moved.size_bytes is None else screen.bytes_in_words(moved.size_bytes)
    return (moved.what, str(moved.count), size)


def _say_keys(source: Path, folder: Path | None, settings: Settings) -> None:
    from imagemill.transfer.keys import copied

    if folder is None:
        screen.note(
            f"The keys stay in {source}; without them nobody can log in and no link opens. Copy "
            f"them with `--keys {settings.data}`, or give them to every process as a secret."
        )
        return
    names = copied(source, folder)
    screen.say(f"Keys in {folder}: {', '.join(names) or 'none were generated'}.")
