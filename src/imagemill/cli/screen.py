"""What a command shows: words, tables, bars; drawn on a terminal, plain everywhere else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console


_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    is_number: bool = False
    """Whether it is set flush right."""


class Shown(Protocol):
    """Something that can be written as JSON."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Give its fields; the mode is `json`."""
        ...


Move = Callable[[str, str, float], None]
"""Move a bar: what is meant, a word about it, and how far it is as a part of 1."""


def say(text: str) -> None:
    """Write a line to standard output."""
    typer.echo(text)


def note(text: str) -> None:
    """Write a line to standard error: for people, never part of the result."""
    typer.echo(text, err=True)


def say_json(value: object) -> None:
    """Write a value as indented JSON to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write rows under their titles; aligned with blanks alone when nobody looks."""
    console = _console()
    if console.is_terminal:
        _draw(console, columns, rows)
        return
    for line in plain(columns, rows):
        say(line)


def listing(
    columns: Sequence[Column],
    rows: Iterable[tuple[Shown, Sequence[str]]],
    *,
    as_json: bool,
    none: str,
) -> None:
    """Write what was found, each thing with its row: a table, JSON, or a note if there is none."""
    found = list(rows)
    if as_json:
        say_json([each.model_dump(mode="json") for each, _ in found])
    elif found:
        table(columns, [row for _, row in found])
    else:
        note(none)


def moment(at: datetime) -> str:
    """Write a time as clocks here show it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def plain(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Set rows under their titles with two blanks between columns and none at the end."""
    lines = [[column.title for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()


@contextmanager
def bar(label: str, total: int) -> Iterator[Move]:
    """Draw one bar for many things while the block runs; nothing without a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = _console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[about]}", markup=False),
    )
    parts: dict[str, float] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=total, about="")

        def move(name: str, about: str, part: float) -> None:
            parts[name] = part
            # Added up anew each time: parts of 1 that are added one by one never make a whole.
            done = math.fsum(parts.values())
            progress.update(task, completed=done, about=f"{name}: {about}")

        yield move


@contextmanager
def bars(names: Sequence[str]) -> Iterator[Move]:
    """Draw one bar for each name while the block runs; without a terminal, write lines."""
    from rich.progress import BarColumn, Progress, TextColumn

    console = _console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[about]}", markup=False),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks = {name: progress.add_task(name, total=1.0, about="") for name in names}

        def move(name: str, about: str, part: float) -> None:
            progress.update(tasks[name], completed=part, about=about)
            if not console.is_terminal and part >= 1.0:
                note(f"{name}: {about}")

        yield move


def bytes_in_words(size_bytes: int) -> str:
    """Write a size as people read it, with three figures: `812 B`, `1.84 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    # From 999.5 on it would be written as 1000.
    power = next((n for n in (1, 2, 3) if size_bytes / 1000**n < 999.5), 4)
    size, unit = size_bytes / 1000**power, _UNITS[power]
    decimals = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{decimals}f} {unit}"


def _draw(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(
            column.title, justify="right" if column.is_number else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)
