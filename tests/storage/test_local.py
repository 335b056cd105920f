"""What the storage in a folder does beyond its port: with leftovers, and with frequent checks."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from imagemill.errors import Unavailable
from imagemill.faults import Faults
from imagemill.storage import Bucket, Wish
from imagemill.storage.local import LocalStorage


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def storage(tmp_path: Path, clock: Clock) -> AsyncIterator[LocalStorage]:
    opened = LocalStorage(tmp_path, clock)
    yield opened
    await opened.close()


async def test_half_written_objects_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    left, fresh, kept = (aged(tmp_path / "originals/ab" / name, age_s) for name, age_s in
                         ((".draft-1", 3_700), (".draft-2", 60), ("abc", 90_000)))  # fmt: skip

    await LocalStorage(tmp_path).close()

    assert [each.exists() for each in (left, fresh, kept)] == [False, True, True]


async def test_asking_often_writes_once_in_two_seconds(
    storage: LocalStorage, tmp_path: Path, clock: Clock
) -> None:
    await storage.check()
    first = changed_at(tmp_path)

    await asyncio.gather(*(storage.check() for _ in range(20)))
    remembered = changed_at(tmp_path)
    clock.now += 2.1
    await storage.check()

    assert remembered == first
    assert changed_at(tmp_path) > first


async def test_a_storage_without_links_signs_nothing(storage: LocalStorage) -> None:
    with pytest.raises(Unavailable, match="signs no URLs"):
        await storage.sign(Bucket.ORIGINALS, "ab/c", Wish("GET", 60))


async def test_a_check_that_failed_is_not_remembered(storage: LocalStorage, tmp_path: Path) -> None:
    in_the_way = replaced_by_a_file(tmp_path)

    with pytest.raises(Unavailable):
        await storage.check()
    removed(in_the_way)

    await storage.check()


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 3_000_000])
async def test_an_object_that_could_not_be_written_to_its_end_is_not_there(
    tmp_path: Path, content: bytes
) -> None:
    faults = Faults.read("half_written:fail", are_allowed=True)
    storage = LocalStorage(tmp_path, faults=faults)

    with pytest.raises(Unavailable):
        await storage.put(Bucket.RESULTS, "ab/abc", once(content))
    left = files_below(tmp_path)
    await storage.put(Bucket.RESULTS, "ab/abc", once(content))

    assert left == []
    assert await storage.size(Bucket.RESULTS, "ab/abc") == len(content)
    await storage.close()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.mark.parametrize("way", ["open", "size"])
async def test_a_file_that_cannot_be_reached_is_unavailable_and_not_gone(
    storage: LocalStorage, tmp_path: Path, way: str
) -> None:
    (tmp_path / "results" / "ab").symlink_to("ab")  # A circle; root may open what modes forbid.
    ask = partial(storage.open, sha256=None) if way == "open" else storage.size

    with pytest.raises(Unavailable, match="read"):
        await ask(Bucket.RESULTS, "ab/abc")


async def test_a_new_object_is_synced_once_and_one_that_replaces_it_with_its_folder(
    tmp_path: Path,
) -> None:
    synced: list[str] = []
    storage = LocalStorage(tmp_path, sync=lambda each: synced.append(name_of(each)))

    await storage.put(Bucket.RESULTS, "ab/abc", stream(b"first"))
    await storage.put(Bucket.RESULTS, "ab/abc", stream(b"second"))
    await storage.close()

    new, draft, folder = synced
    assert (new, folder) == ("abc", "ab")
    assert draft.startswith(".draft-")


async def test_an_object_that_cannot_be_synced_is_not_kept(tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    storage = LocalStorage(tmp_path, sync=full)

    with pytest.raises(Unavailable):
        await storage.put(Bucket.RESULTS, "ab/abc", stream(b"x"))

    assert await storage.size(Bucket.RESULTS, "ab/abc") is None
    await storage.close()


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def name_of(descriptor: int) -> str:
    """Tell what an open file is called at this moment."""
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def aged(path: Path, age_s: float) -> Path:
    """Make a file that was last written so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def changed_at(folder: Path) -> int:
    """Tell when a name in the folder last came or went, in nanoseconds."""
    return folder.stat().st_mtime_ns


def replaced_by_a_file(folder: Path) -> Path:
    for bucket in Bucket:
        (folder / bucket).rmdir()
    folder.rmdir()
    folder.touch()
    return folder


def removed(file: Path) -> None:
    file.unlink()
