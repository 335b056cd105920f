"""What every `Storage` keeps."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

import pytest

from imagemill.errors import IntegrityLost, NotFound, TooLarge
from imagemill.storage import Bucket, Storage, Wish, checked
from tests.contracts.storages import Place, that_keep

KEY = "ab/abcdef"
PART = 5 << 20
"""An adapter may send what is larger in parts."""
LARGE = 64 << 20
WHOLE = os.urandom(2_500_000)
"""Read in three pieces."""
SHA256 = hashlib.sha256(WHOLE).hexdigest()


def flipped(whole: bytes, at: int) -> bytes:
    """Change one bit of one byte."""
    return b"".join((whole[:at], bytes([whole[at] ^ 4]), whole[at + 1 :]))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit of the first piece": lambda whole: flipped(whole, 0),
    "a bit of a middle piece": lambda whole: flipped(whole, 1_500_000),
    "a bit of the last piece": lambda whole: flipped(whole, len(whole) - 1),
    "the last byte is gone": lambda whole: whole[:-1],
    "the last pieces are gone": lambda whole: whole[: 1 << 20],
    "everything is gone": lambda whole: whole[:0],
    "a byte more": lambda whole: whole + b"x",
}
"""What may have become of an object's bytes."""
damaged = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


async def broken(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise TooLarge("on purpose")


async def content(storage: Storage, *, start: int = 0, end: int | None = None) -> bytes:
    pieces = storage.get(Bucket.RESULTS, KEY, start=start, end=end)
    return b"".join([piece async for piece in pieces])


async def test_what_was_put_comes_back_with_its_size_and_digest(storage: Storage) -> None:
    pieces = [os.urandom(300_000) for _ in range(8)]
    whole = b"".join(pieces)

    stored = await storage.put(Bucket.RESULTS, KEY, stream(*pieces))

    assert (stored.size_bytes, stored.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert await content(storage) == whole
    assert await storage.size(Bucket.RESULTS, KEY) == len(whole)


async def test_an_empty_object_is_an_object(storage: Storage) -> None:
    stored = await storage.put(Bucket.RESULTS, KEY, stream())

    assert stored.size_bytes == 0
    assert await content(storage) == b""


@pytest.mark.parametrize(
    ("start", "end"), [(0, 4), (3, 7), (6, None), (9, 100), (4, 4), (20, None)]
)
async def test_a_range_is_read_without_the_rest(
    storage: Storage, start: int, end: int | None
) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"0123456789"))

    assert await content(storage, start=start, end=end) == b"0123456789"[start:end]


@pytest.mark.parametrize("pieces", [0, 1, 6, 14], ids=lambda n: f"after {n} MB")
async def test_a_stream_that_breaks_leaves_nothing_behind(place: Place, pieces: int) -> None:
    whole = [b"x" * 1_000_000] * pieces

    with pytest.raises(TooLarge, match="on purpose"):
        await place.storage.put(Bucket.RESULTS, KEY, broken(*whole))

    assert await place.storage.size(Bucket.RESULTS, KEY) is None
    assert await place.left() == []


@pytest.mark.parametrize("pieces", [1, 6, 14], ids=lambda n: f"after {n} MB")
async def test_a_cancelled_put_leaves_nothing_behind(place: Place, pieces: int) -> None:
    storage, started = place.storage, asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 1_000_000
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_put(storage, endless()))
    await started.wait()
    task.cancel()
    ended = await asyncio.gather(task, return_exceptions=True)

    assert isinstance(ended[0], asyncio.CancelledError)
    assert await place.left() == []


async def _put(storage: Storage, pieces: AsyncIterator[bytes]) -> None:
    await storage.put(Bucket.RESULTS, KEY, pieces)


async def test_a_second_put_replaces_the_first_at_once(storage: Storage) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"first, and longer"))

    await storage.put(Bucket.RESULTS, KEY, stream(b"second"))

    assert await content(storage) == b"second"


async def test_a_reader_keeps_what_it_began_to_read(storage: Storage) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"old" * 1_000_000))
    reading = storage.get(Bucket.RESULTS, KEY)
    first = await anext(reading)

    await storage.put(Bucket.RESULTS, KEY, stream(b"new"))

    rest = b"".join([piece async for piece in reading])
    assert first + rest == b"old" * 1_000_000


async def test_buckets_do_not_share_keys(storage: Storage) -> None:
    await storage.put(Bucket.ORIGINALS, KEY, stream(b"original"))

    assert await storage.size(Bucket.RESULTS, KEY) is None


async def test_an_opened_object_can_be_read_and_sought_but_not_written(storage: Storage) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"0123456789"))

    descriptor = await storage.open(Bucket.RESULTS, KEY, sha256=None)

    try:
        assert os.lseek(descriptor, 5, os.SEEK_SET) == 5
        assert os.read(descriptor, 100) == b"56789"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(descriptor, b"x")
    finally:
        os.close(descriptor)


async def test_what_is_not_there_is_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await storage.open(Bucket.RESULTS, KEY, sha256=None)
    with pytest.raises(NotFound):
        await content(storage)
    with pytest.raises(NotFound):
        await content(storage, start=4, end=4)
    assert await storage.size(Bucket.RESULTS, KEY) is None


async def test_a_deleted_object_is_gone_and_deleting_again_is_no_error(storage: Storage) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"x"))

    await storage.delete(Bucket.RESULTS, KEY)
    await storage.delete(Bucket.RESULTS, KEY)

    assert await storage.size(Bucket.RESULTS, KEY) is None


async def test_many_puts_at_once_all_arrive(storage: Storage) -> None:
    keys = [f"{n:02}/{n}" for n in range(40)]

    await asyncio.gather(*(storage.put(Bucket.RESULTS, key, stream(key.encode())) for key in keys))

    sizes = [await storage.size(Bucket.RESULTS, key) for key in keys]
    assert sizes == [len(key) for key in keys]


async def test_a_check_passes_where_objects_can_be_written(storage: Storage) -> None:
    await storage.check()


async def test_an_object_with_the_right_digest_is_opened_at_its_first_byte(
    storage: Storage,
) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(WHOLE))

    descriptor = await storage.open(Bucket.RESULTS, KEY, sha256=SHA256)

    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == WHOLE


@damaged
async def test_an_object_that_is_not_what_was_written_is_not_opened(
    storage: Storage, damage: Callable[[bytes], bytes]
) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(damage(WHOLE)))
    before = open_files()

    with pytest.raises(IntegrityLost):
        await storage.open(Bucket.RESULTS, KEY, sha256=SHA256)

    assert open_files() == before


@pytest.mark.parametrize("whole", [WHOLE, WHOLE[:1], b""], ids=["large", "one byte", "empty"])
async def test_a_checked_stream_of_what_was_written_is_whole(
    storage: Storage, whole: bytes
) -> None:
    stored = await storage.put(Bucket.RESULTS, KEY, stream(whole))
    pieces = storage.get(Bucket.RESULTS, KEY)

    read = [each async for each in checked(pieces, stored.sha256, size_bytes=stored.size_bytes)]

    assert b"".join(read) == whole


@damaged
@pytest.mark.parametrize("size_bytes", [None, len(WHOLE)], ids=["no size", "with size"])
async def test_a_checked_stream_never_ends_well_when_it_is_not_what_was_written(
    storage: Storage, damage: Callable[[bytes], bytes], size_bytes: int | None
) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(damage(WHOLE)))
    pieces = storage.get(Bucket.RESULTS, KEY)
    read = bytearray()

    with pytest.raises(IntegrityLost):
        await drain(checked(pieces, SHA256, size_bytes=size_bytes), read)

    assert len(read) < len(WHOLE)


async def test_an_object_that_grew_is_stopped_before_its_length_is_out() -> None:
    whole = b"abcdef"
    pieces = checked(stream(b"abc", b"xyz", b"more"), digest_of(whole), size_bytes=len(whole))
    read = bytearray()

    with pytest.raises(IntegrityLost):
        await drain(pieces, read)

    assert read == b"abc"


@pytest.mark.slow
@pytest.mark.parametrize("chosen", that_keep("ages", "leftovers"), indirect=True)
async def test_what_a_killed_writer_left_is_removed_when_it_is_old_enough(place: Place) -> None:
    storage = place.storage
    await storage.put(Bucket.RESULTS, KEY, stream(b"kept"))
    await place.kill_writer()
    left = await place.left()

    too_young = await storage.tidy(older_than_s=3600)
    removed = await storage.tidy(older_than_s=0)
    again = await storage.tidy(older_than_s=0)

    assert (len(left), too_young, removed, again) == (2, 0, 1, 0)
    assert await storage.size(Bucket.RESULTS, "ab/half") is None
    assert await content(storage) == b"kept"
    assert len(await place.left()) == 1


@pytest.mark.parametrize("chosen", that_keep("ages"), indirect=True)
async def test_what_is_being_written_is_left_alone(storage: Storage) -> None:
    tidied: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * 1_000_000
        tidied.append(await storage.tidy(older_than_s=3600))

    await storage.put(Bucket.RESULTS, KEY, pieces())

    assert tidied == [0]
    assert await content(storage) == b"x" * 12_000_000


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_signed_url_tells_its_method_and_its_end(
    place: Place, method: Literal["GET", "PUT"]
) -> None:
    before = int(time.time())

    signed = await place.storage.sign(Bucket.ORIGINALS, KEY, Wish(method, 60))

    assert signed.method == method
    assert signed.url.startswith("http")
    assert KEY in signed.url.partition("?")[0]
    assert before + 60 <= signed.expires_at <= time.time() + 60
    assert signed.headers == (place.put_headers if method == "PUT" else {})
    assert signed.max_bytes is None


async def test_a_signed_put_tells_what_it_may_bring_and_how_to_send_it(place: Place) -> None:
    wish = Wish("PUT", 60, content_type="image/png", max_bytes=1000)

    signed = await place.storage.sign(Bucket.ORIGINALS, KEY, wish)

    assert signed.headers == {**place.put_headers, "content-type": "image/png"}
    assert signed.max_bytes == 1000


@pytest.mark.parametrize("chosen", that_keep("urls"), indirect=True)
async def test_each_wish_has_a_url_of_its_own_and_signing_makes_no_object(
    storage: Storage,
) -> None:
    wishes = [
        Wish("GET", 60),
        Wish("PUT", 60),
        Wish("PUT", 60, max_bytes=10, size_bytes=10),
        Wish("PUT", 60, max_bytes=11, size_bytes=11),
        Wish("PUT", 60, content_type="image/png"),
        Wish("PUT", 9000),
    ]

    urls = [(await storage.sign(Bucket.ORIGINALS, KEY, each)).url for each in wishes]
    urls.append((await storage.sign(Bucket.RESULTS, KEY, wishes[0])).url)

    assert len(set(urls)) == len(urls)
    assert await storage.size(Bucket.ORIGINALS, KEY) is None


@pytest.mark.parametrize("length", [PART - 1, PART, PART + 1, 2 * PART])
async def test_an_object_round_the_size_of_a_part_is_whole(storage: Storage, length: int) -> None:
    whole = os.urandom(length)
    pieces = [whole[at : at + 65_536] for at in range(0, length, 65_536)]

    stored = await storage.put(Bucket.RESULTS, KEY, stream(*pieces))

    assert stored.size_bytes == await storage.size(Bucket.RESULTS, KEY) == length
    assert digest_of(await content(storage)) == stored.sha256 == digest_of(whole)


@pytest.mark.parametrize("chosen", that_keep("writers"), indirect=True)
async def test_of_puts_of_one_key_at_once_one_is_kept_whole(storage: Storage) -> None:
    wholes = [bytes([65 + n]) * (n * 3_000_000 + 1) for n in range(4)]

    await asyncio.gather(
        *(storage.put(Bucket.RESULTS, KEY, stream(each)) for each in wholes),
    )

    assert await content(storage) in wholes


async def test_writing_and_reading_take_memory_for_a_part_and_not_for_the_object(
    storage: Storage,
) -> None:
    piece, seen = os.urandom(65_536), [resident_bytes()]

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGE // len(piece)):
            seen.append(resident_bytes())
            yield piece

    await storage.put(Bucket.RESULTS, KEY, pieces())
    read = 0
    async for each in storage.get(Bucket.RESULTS, KEY):
        read += len(each)
        seen.append(resident_bytes())

    assert read == LARGE
    assert max(seen) - seen[0] < 40_000_000


def digest_of(whole: bytes) -> str:
    return hashlib.sha256(whole).hexdigest()


async def drain(pieces: AsyncIterator[bytes], into: bytearray) -> None:
    async for piece in pieces:
        into += piece


def open_files() -> int:
    """Count descriptors of files; connections come and go by themselves."""
    return sum(map(_is_file, Path("/proc/self/fd").iterdir()))


def _is_file(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("/")
    except FileNotFoundError:  # Of a connection that has just been closed, or of this very look.
        return False


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
