"""Bytes on their way: counted, checked, and on the disk whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.client import DamagedError, Output
from imagemill.client.transfer import PIECE_BYTES, body_of, counted, write_whole

CONTENT = b"result" * 100_000


async def _pieces(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


def _described(content: bytes = CONTENT) -> Output:
    return Output(
        url="/r",
        format="webp",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_a_download_arrives_whole_in_a_folder_that_it_makes(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "down" / "small.webp"

    await write_whole(_pieces(), target, expected=_described(), overwrite=False)

    assert target.read_bytes() == CONTENT
    assert _names(target.parent) == ["small.webp"]


async def test_a_result_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    target = tmp_path / "small.webp"
    umask = os.umask(0o022)
    os.umask(umask)

    await write_whole(_pieces(), target, expected=None, overwrite=False)

    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


async def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "small.webp"
    target.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        await write_whole(_pieces(), target, expected=_described(), overwrite=False)

    assert target.read_bytes() == b"mine"
    assert _names(tmp_path) == ["small.webp"]


async def test_a_file_that_exists_is_replaced_when_that_is_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "small.webp"
    target.write_bytes(b"old")

    await write_whole(_pieces(), target, expected=_described(), overwrite=True)

    assert target.read_bytes() == CONTENT


async def test_damaged_bytes_never_become_a_file(tmp_path: Path) -> None:
    other = _described(b"something else")

    with pytest.raises(DamagedError, match="damaged"):
        await write_whole(_pieces(), tmp_path / "small.webp", expected=other, overwrite=True)

    assert _names(tmp_path) == []


async def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await write_whole(broken(), tmp_path / "small.webp", expected=None, overwrite=True)

    assert _names(tmp_path) == []


async def test_progress_tells_every_byte_that_went() -> None:
    told: list[int] = []

    passed = [piece async for piece in counted(_pieces(), told.append)]

    assert b"".join(passed) == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)


async def test_a_path_and_its_bytes_are_the_same_body(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)

    bodies = [await body_of(path), await body_of(CONTENT)]

    for body in bodies:
        assert b"".join([piece async for piece in body.pieces()]) == CONTENT
        assert b"".join([piece async for piece in body.pieces()]) == CONTENT
        assert (body.size_bytes, body.can_repeat) == (len(CONTENT), True)


async def test_a_stream_can_be_sent_only_once() -> None:
    body = await body_of(_pieces())

    assert (body.size_bytes, body.can_repeat) == (None, False)
