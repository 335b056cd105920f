"""What it costs to survive a power cut: commits and objects, synced and only written.

Run by `python -m benchmarks.durability`. Both modes take turns in one process on one disk, and
ratios are taken within a turn, so that a noisy machine harms both alike. Takes about ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from benchmarks.machine import described
from benchmarks.results import RESULTS, keep
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage

Piece = Callable[[], Awaitable[object]]
MODES = ("synced", "written")

_ROUNDS = 7
_OBJECT = os.urandom(2_000_000)
_WORKLOADS = {
    "commits, one after the other": (200, 1),
    "commits, 20 waiting together": (4_000, 20),
    "objects of 2 MB, one after the other": (40, 1),
    "objects of 2 MB, 8 at once": (80, 8),
}
"""Pieces of work in one turn, and how many of them are under way at once."""


def main(argv: Sequence[str]) -> int:
    """Measure both modes and print their rates and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.durability", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write: a folder on the disk meant")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    about = described(datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=asked.folder) as folder:
        rates = asyncio.run(_measured(Path(folder), asked.rounds))
    report = "\n".join([about, *map(_row, rates, rates.values())]) + "\n"
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, "-durability")
    return 0


async def _measured(folder: Path, rounds: int) -> dict[str, list[Mapping[str, float]]]:
    """Give, for each workload, the rate of each mode in each round."""
    rates: dict[str, list[Mapping[str, float]]] = {name: [] for name in _WORKLOADS}
    databases = {
        mode: SQLiteDatabase(folder / f"{mode}.sqlite", synced=mode == "synced") for mode in MODES
    }
    storages = {
        "synced": LocalStorage(folder / "synced"),
        "written": LocalStorage(folder / "written", sync=lambda _: None),
    }
    for database in databases.values():
        await database.run(lambda each: each.execute("CREATE TABLE t (x TEXT)"))
    for number in range(rounds):
        for name, (pieces, at_once) in _WORKLOADS.items():
            found = {}
            for mode in MODES if number % 2 else reversed(MODES):
                is_commit = name.startswith("commits")
                piece = _commit(databases[mode]) if is_commit else _put(storages[mode])
                found[mode] = await _rate(piece, pieces, at_once)
            rates[name].append(found)
    for mode in MODES:
        await databases[mode].close()
        await storages[mode].close()
    return rates


def _commit(database: SQLiteDatabase) -> Piece:
    return lambda: database.run(lambda each: each.execute("INSERT INTO t VALUES ('some words')"))


def _put(storage: LocalStorage) -> Piece:
    numbers = count(time.monotonic_ns())
    return lambda: storage.put(Bucket.RESULTS, f"ab/{next(numbers)}", _pieces())


async def _pieces() -> AsyncIterator[bytes]:
    yield _OBJECT


async def _rate(piece: Piece, pieces: int, at_once: int) -> float:
    async def lane() -> None:
        for _ in range(pieces // at_once):
            await piece()

    started = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return pieces / (time.perf_counter() - started)


def _row(name: str, rounds: Sequence[Mapping[str, float]]) -> str:
    synced, written = (statistics.median(each[mode] for each in rounds) for mode in MODES)
    ratio = statistics.median(each["written"] / each["synced"] for each in rounds)
    return f"{name:38} synced {synced:8,.0f}/s   written {written:8,.0f}/s   ratio {ratio:5.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
