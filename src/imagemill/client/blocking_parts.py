"""The parts of the client for programs without an event loop: dead letters and batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imagemill.client.answers import (
    Accepted,
    Job,
    Status,
)
from imagemill.client.batch_answers import (
    Batch,
    RefusedItem,
)
from imagemill.client.batches import Batches, BatchItem
from imagemill.client.dead_letters import EVERY, DeadLetters, LetterFilter
from imagemill.client.letter_answers import (
    DeadLetter,
    DeadLetterDetails,
    Decided,
)
from imagemill.client.loop import Loop
from imagemill.client.terms import Outputs, Terms


class BlockingDeadLetters:
    """Look at dead letters and decide about them, as `DeadLetters` does, without `await`."""

    def __init__(self, loop: Loop, letters: DeadLetters) -> None:
        """Remember whom to ask."""
        self._loop = loop
        self._letters = letters

    def list(
        self, which: LetterFilter = EVERY, *, state: str = "waiting", limit: int | None = None
    ) -> Iterator[DeadLetter]:
        """Give dead letters, the newest first, as `DeadLetters.list` does."""
        return self._loop.each(self._letters.list(which, state=state, limit=limit))

    def show(self, letter_id: str) -> DeadLetterDetails:
        """Look at a dead letter: its job, every attempt, and the picture's facts."""
        return self._loop.run(self._letters.show(letter_id))

    def replay(self, letter_id: str, *, idempotency_key: str | None = None) -> Accepted:
        """Do a dead letter's job again, as a new job; raises `ProblemError` the second time."""
        return self._loop.run(self._letters.replay(letter_id, idempotency_key=idempotency_key))

    def discard(self, letter_id: str) -> None:
        """Decide that a dead letter stays as it is; raises `ProblemError` the second time."""
        self._loop.run(self._letters.discard(letter_id))

    def replay_many(self, which: Sequence[str] | LetterFilter) -> tuple[Decided, ...]:
        """Replay dead letters by id or filter, as `DeadLetters.replay_many` does."""
        return self._loop.run(self._letters.replay_many(which))

    def discard_many(self, which: Sequence[str] | LetterFilter) -> tuple[Decided, ...]:
        """Discard dead letters by id or filter, as `DeadLetters.replay_many` replays them."""
        return self._loop.run(self._letters.discard_many(which))


class BlockingBatches:
    """Make batches and follow them, as `Batches` does, without `await`."""

    def __init__(self, loop: Loop, batches: Batches) -> None:
        """Remember whom to ask."""
        self._loop = loop
        self._batches = batches

    def submit(
        self,
        items: Iterable[str | BatchItem],
        outputs: Outputs | None = None,
        *,
        fresh: bool = False,
        terms: Terms | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Ask for outputs of up to 10,000 images, as `Batches.submit` does."""
        return self._loop.run(
            self._batches.submit(
                items, outputs, fresh=fresh, terms=terms, idempotency_key=idempotency_key
            )
        )

    def list(self, *, limit: int | None = None) -> Iterator[Batch]:
        """Give your batches, the newest first, as `Batches.list` does."""
        return self._loop.each(self._batches.list(limit=limit))

    def show(self, batch_id: str) -> Batch:
        """Look at how many items stand where."""
        return self._loop.run(self._batches.show(batch_id))

    def items(
        self, batch_id: str, *, status: Status | None = None, limit: int | None = None
    ) -> Iterator[Job | RefusedItem]:
        """Give the items of a batch in order, as `Batches.items` does."""
        return self._loop.each(self._batches.items(batch_id, status=status, limit=limit))

    def replay(self, batch_id: str, *, idempotency_key: str | None = None) -> Batch:
        """Do the failed jobs again, as a new batch that names this one."""
        return self._loop.run(self._batches.replay(batch_id, idempotency_key=idempotency_key))

    def cancel(self, batch_id: str) -> Batch:
        """End every job of the batch that has not ended; raises `ProblemError` when all have."""
        return self._loop.run(self._batches.cancel(batch_id))

    def watch(self, batch_id: str) -> Iterator[Batch]:
        """Give the batch now and whenever its counts have changed; ends after its end."""
        return self._loop.each(self._batches.watch(batch_id))

    def wait(self, batch_id: str, *, timeout_s: float | None = None) -> Batch:
        """Wait until every item has ended, as `Batches.wait` does."""
        return self._loop.run(self._batches.wait(batch_id, timeout_s=timeout_s))
