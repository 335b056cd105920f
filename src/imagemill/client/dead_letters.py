"""Dead letters at the server: jobs whose tries are used up, until a person has decided."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from imagemill.client.answers import (
    Accepted,
)
from imagemill.client.connection import Connection, Request
from imagemill.client.letter_answers import (
    DeadLetter,
    DeadLetterDetails,
    DeadLetterList,
    Decided,
    DecidedList,
)
from imagemill.client.terms import named

_PATH = "/api/v1/dead-letters"
_AT_ONCE = 100
"""Letters of one request; each replay is a write, and no request shall take long."""


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are meant; what is empty leaves none out."""

    reason: str = ""
    """Only letters for this reason, an error's code."""
    operation: str = ""
    """Only letters about jobs of this type: the operation of a short form, or `pipeline`."""
    since: datetime | None = None
    """Only letters written at this time or later; without a time zone, the one of this machine."""
    until: datetime | None = None
    """Only letters written before this time."""

    def query(self) -> dict[str, str]:
        """Give the filter as parameters of a request."""
        asked = {
            "reason": self.reason,
            "operation": self.operation,
            "since": self.since.astimezone().isoformat() if self.since else "",
            "until": self.until.astimezone().isoformat() if self.until else "",
        }
        return {name: value for name, value in asked.items() if value}


EVERY = LetterFilter()
"""All dead letters."""


class DeadLetters:
    """Look at one caller's dead letters, and decide about them."""

    def __init__(self, connection: Connection) -> None:
        """Remember whom to ask."""
        self._connection = connection

    async def list(
        self, which: LetterFilter = EVERY, *, state: str = "waiting", limit: int | None = None
    ) -> AsyncGenerator[DeadLetter, None]:
        """Give dead letters, the newest first, asking for more as you go on; at most `limit`.

        `state` is `waiting`, `replayed`, `discarded` or `any`.
        """
        left = math.inf if limit is None else limit
        query = {**which.query(), "state": state}
        while left > 0:
            query["limit"] = str(min(left, _AT_ONCE))
            page = await self._connection.ask(DeadLetterList, Request("GET", _PATH, query=query))
            for letter in page.dead_letters:
                yield letter
            if page.next is None:
                return
            left -= len(page.dead_letters)
            query["cursor"] = page.next

    async def show(self, letter_id: str) -> DeadLetterDetails:
        """Look at a dead letter: its job, every attempt, and the picture's facts."""
        return await self._connection.ask(DeadLetterDetails, Request("GET", _path(letter_id)))

    async def replay(self, letter_id: str, *, idempotency_key: str | None = None) -> Accepted:
        """Do a dead letter's job again, as a new job; raises `ProblemError` the second time."""
        path = f"{_path(letter_id)}/replay"
        request = Request("POST", path, headers=named(idempotency_key))
        return await self._connection.ask(Accepted, request)

    async def discard(self, letter_id: str) -> None:
        """Decide that a dead letter stays as it is; raises `ProblemError` the second time."""
        await self._connection.send(Request("DELETE", _path(letter_id)))

    async def replay_many(self, which: Sequence[str] | LetterFilter) -> tuple[Decided, ...]:
        """Replay dead letters by id, or all that wait and fit a filter.

        The answer tells of each; one that is refused stops none of the others.
        """
        return await self._decide("replay", which)

    async def discard_many(self, which: Sequence[str] | LetterFilter) -> tuple[Decided, ...]:
        """Discard dead letters by id, or all that wait and fit a filter, as `replay_many` does."""
        return await self._decide("discard", which)

    async def _decide(self, what: str, which: Sequence[str] | LetterFilter) -> tuple[Decided, ...]:
        # By id even for a filter: a letter that is refused, or whose replay dies at once, would
        # fit the filter again and again, while a walk through the list meets each letter once.
        decided: list[Decided] = []
        async with aclosing(_in_parts(self._ids(which))) as parts:
            async for ids in parts:
                request = Request("POST", f"{_PATH}/{what}", json={"ids": ids})
                decided.extend((await self._connection.ask(DecidedList, request)).decided)
        return tuple(decided)

    async def _ids(self, which: Sequence[str] | LetterFilter) -> AsyncIterator[str]:
        if isinstance(which, LetterFilter):
            async with aclosing(self.list(which)) as letters:
                async for letter in letters:
                    yield letter.id
        else:
            for letter_id in which:
                yield letter_id


async def _in_parts(ids: AsyncIterable[str]) -> AsyncGenerator[tuple[str, ...], None]:
    part: tuple[str, ...] = ()
    async for each in ids:
        part = (*part, each)
        if len(part) == _AT_ONCE:
            yield part
            part = ()
    if part:
        yield part


def _path(letter_id: str) -> str:
    return f"{_PATH}/{letter_id}"
