"""The parts of the client for programs without an event loop: letters, batches and images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from imagemill.client.answers import (
    Accepted,
    Image,
    Job,
    Link,
    Status,
)
from imagemill.client.batch_answers import (
    Batch,
    RefusedItem,
)
from imagemill.client.batches import Batches, BatchItem
from imagemill.client.dead_letters import EVERY, DeadLetters, LetterFilter
from imagemill.client.images import EVERY as EVERY_IMAGE
from imagemill.client.images import ImageFilter, Images
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


class BlockingImages:
    """Find images, describe and link to them, as `Images` does, without `await`."""

    def __init__(self, loop: Loop, images: Images) -> None:
        """Remember whom to ask."""
        self._loop = loop
        self._images = images

    def find(
        self,
        which: ImageFilter = EVERY_IMAGE,
        *,
        sort: str = "created_at",
        order: str = "",
        limit: int | None = None,
    ) -> Iterator[Image]:
        """Give your images, the newest first, as `Images.find` does."""
        return self._loop.each(self._images.find(which, sort=sort, order=order, limit=limit))

    def show(self, image_id: str) -> Image:
        """Look at an image."""
        return self._loop.run(self._images.show(image_id))

    def describe(
        self,
        image_id: str,
        *,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, str | None] | None = None,
        name: str | None = None,
        public: bool | None = None,
    ) -> Image:
        """Change how an image is described, as `Images.describe` does."""
        return self._loop.run(
            self._images.describe(image_id, tags=tags, metadata=metadata, name=name, public=public)
        )

    def link(self, image_id: str, *, expires_in_s: int = 3600) -> Link:
        """Make a link to the original that needs no key, and holds for so many seconds."""
        return self._loop.run(self._images.link(image_id, expires_in_s=expires_in_s))

    def delete(self, image_id: str, *, force: bool = False) -> None:
        """Delete an image, as `Images.delete` does."""
        self._loop.run(self._images.delete(image_id, force=force))
