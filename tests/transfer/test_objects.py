"""Objects are taken for moved only when the new storage gives them back."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

from imagemill.backup.records import Named
from imagemill.storage import Bucket, Stored
from imagemill.storage.local import LocalStorage
from imagemill.transfer.objects import Copying
from imagemill.transfer.report import Fault
from tests.backup.folders import flip, sha256

CONTENT = b"what it was" * 100
ONE = Named(Bucket.RESULTS, "ab/abc", Stored(len(CONTENT), sha256(CONTENT)))


class SpoilingStorage(LocalStorage):
    """A storage on a disk that changes what it is given."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root

    async def put(self, bucket: Bucket, key: str, content: AsyncIterable[bytes]) -> Stored:
        """Say that all was kept."""
        stored = await super().put(bucket, key, content)
        flip(self.root / bucket / key)
        return stored


async def pieces() -> AsyncIterator[bytes]:
    yield CONTENT


async def test_a_storage_that_spoils_what_it_is_given_is_found_out(tmp_path: Path) -> None:
    source, target = LocalStorage(tmp_path / "old"), SpoilingStorage(tmp_path / "new")
    await source.put(ONE.bucket, ONE.key, pieces())
    copying, heard = Copying(source, target), list[int]()

    copied = await copying.copy([ONE], heard.append)
    compared = await copying.verify([ONE], heard.append)

    await source.close()
    await target.close()
    assert copied == []
    assert [each.fault for each in compared] == [Fault.NOT_KEPT]
    assert heard == [1, 1]


async def test_what_is_copied_ahead_is_read_back(tmp_path: Path) -> None:
    source, target = LocalStorage(tmp_path / "old"), SpoilingStorage(tmp_path / "new")
    await source.put(ONE.bucket, ONE.key, pieces())

    broken = await Copying(source, target).copy_and_verify([ONE], lambda _: None)

    await source.close()
    await target.close()
    assert [each.fault for each in broken] == [Fault.NOT_KEPT]


async def test_an_object_that_lies_there_in_its_size_is_not_copied_again(tmp_path: Path) -> None:
    source, target = LocalStorage(tmp_path / "old"), LocalStorage(tmp_path / "new")
    await target.put(ONE.bucket, ONE.key, pieces())

    copied = await Copying(source, target).copy([ONE], lambda _: None)

    await source.close()
    await target.close()
    assert copied == []
