"""Many pictures of one form on their way in: in order out of the form, a few at a time kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import IntakeError, IntakeItem
from imagemill.errors import DecoderCrashed, ImagemillError, PictureRefused, Timeout
from imagemill.uploads.form import Body
from imagemill.uploads.form_of_many import Carried
from imagemill.uploads.originals import Laid, Originals

_AT_ONCE: Final = 8
"""Pictures in hand: most of them wait for the disk to sync, two for a probe."""
_SMALL_BYTES: Final = 1 << 20
"""A picture up to this size waits in memory, so that the next one is read meanwhile."""
_OF_ONE: Final = (PictureRefused, Timeout, DecoderCrashed)
"""What is told of one picture; anything else ends them all."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A picture of which the beginning was read."""

    start: bytes
    rest: AsyncIterator[bytes]
    file_name: str | None
    fields: dict[str, str] = field(default_factory=dict)

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.start
        async for piece in self.rest:
            yield piece


class Many:
    """Take the pictures of one form in for one owner."""

    def __init__(self, originals: Originals, owner: Identity) -> None:
        """Begin with none."""
        self._originals = originals
        self._owner = owner
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._items: dict[int, IntakeItem] = {}

    async def take(self, pictures: AsyncIterator[Carried]) -> list[IntakeItem]:
        """Keep each picture, or note why not; gives what became of them in their order.

        Raises what concerns them all: refusals of the body, and `Unavailable`. What was kept
        until then stays; sent again, it is found.
        """
        number = 0
        try:
            async with asyncio.TaskGroup() as group:
                async for picture in pictures:
                    await self._places.acquire()
                    if (arrived := await self._arrived(number, picture)) is not None:
                        group.create_task(self._kept(number, arrived))
                    number += 1
        except BaseExceptionGroup as failed:
            raise _first(failed) from failed
        return [self._items[each] for each in range(number)]

    async def _arrived(self, number: int, picture: Carried) -> Body | Laid | None:
        """Read a picture out of the form, into memory or storage; None where it is refused."""
        try:
            body, is_whole = await _started(picture)
            return body if is_whole else await self._originals.lay(body)
        except _OF_ONE as error:
            self._refuse(number, picture.file_name, error)
            return None

    async def _kept(self, number: int, arrived: Body | Laid) -> None:
        body = arrived.body if isinstance(arrived, Laid) else arrived
        try:
            laid = arrived if isinstance(arrived, Laid) else await self._originals.lay(arrived)
            intake = await self._originals.keep(self._owner, laid)
        except _OF_ONE as error:
            self._refuse(number, body.file_name, error)
        else:
            self._items[number] = IntakeItem(name=body.file_name, image=intake.image)
            self._places.release()

    def _refuse(self, number: int, name: str | None, error: ImagemillError) -> None:
        told = IntakeError(code=error.code, message=error.message, limit=error.limit)
        self._items[number] = IntakeItem(name=name, error=told)
        self._places.release()


async def _started(picture: Carried) -> tuple[Body, bool]:
    """Read up to a megabyte of a picture; tell whether that is all of it."""
    start = bytearray()
    pieces = picture.pieces()
    async for piece in pieces:
        start += piece
        if len(start) > _SMALL_BYTES:
            return _Pieces(bytes(start), pieces, picture.file_name), False
    return _Pieces(bytes(start), pieces, picture.file_name), True


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the error itself, for whoever answers it knows no groups."""
    found = failed.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
