"""Batches: many jobs accepted by one request, all or none, and followed as one."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import IntakeError, Intakes
from imagemill.database import Connection
from imagemill.errors import Conflict, FieldError, InvalidRequest, UrlNotAllowed
from imagemill.jobs.batch_request import MAX_ITEMS, BatchWish
from imagemill.jobs.job import Batch, Job, Place
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.plan import images_needed
from imagemill.jobs.records import batches, events, jobs, letters
from imagemill.jobs.records.batches import Refusal
from imagemill.jobs.replays import Replays
from imagemill.jobs.request import Wish
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status

_AT_A_TIME: Final = 100
"""Items that are planned before others have their turn: about 10 ms."""
_MOST_ERRORS: Final = 50

KeepBatch = Callable[[Connection, Batch], None]
"""Write what belongs into the transaction in which a batch is made."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as it stands now."""

    batch: Batch
    processing: int
    """Jobs that workers have in hand."""


@dataclass(frozen=True, slots=True)
class BatchItems:
    """Some items of a batch, in order."""

    jobs: Sequence[Job]
    refusals: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class Batches:
    """Batches over the jobs service."""

    jobs: Jobs
    replays: Replays

    async def accept(
        self, wish: BatchWish, owner: Identity, keep: KeepBatch, carried: Intakes | None = None
    ) -> Batch:
        """Take a batch on; when this returns every item's promise is on disk."""
        self.jobs.check_webhook(wish.webhook_url)
        if carried is None:
            new, refusals = await self._planned(wish.items, owner)
            return await self._made(new, refusals, owner, keep, wish.webhook_url)
        assert wish.each is not None
        new = await self._planned_on(wish.each, carried, owner)
        refusals = [
            Refusal(at, item.name, item.error.model_dump())
            for at, item in enumerate(carried.items)
            if item.error is not None
        ]
        return await self._made(new, refusals, owner, keep, wish.webhook_url)

    async def replay(self, batch_id: str, owner: Identity, keep: KeepBatch) -> Batch:
        """Do the failed jobs of a batch again, as a new batch that names the old one.

        Those about whose dead letter a person has decided are left out. Raises `Conflict` when
        none is left.
        """
        before = (await self.get(batch_id, owner)).batch

        def unit(connection: Connection) -> list[str]:
            failed = batches.items(connection, batch_id, -1, MAX_ITEMS, Status.FAILED)
            return [each for each in failed if not letters.is_decided(connection, each)]

        ids = await self.jobs.database.read(unit)
        if not ids:
            raise Conflict("No failed job of this batch waits to be done again.")
        failed = [await self.jobs.get(each, owner) for each in ids]
        new = [
            await self.replays.prepared(old, owner, Place(position=at, replay_of=old.id))
            for at, old in enumerate(failed)
        ]

        def settled(connection: Connection, batch: Batch, made: Sequence[Job]) -> None:
            for old, job in zip(failed, made, strict=True):
                self.replays.settle(connection, old, job)
            keep(connection, batch)

        about = {"replay_of": batch_id, "webhook_url": before.webhook_url}
        return await self._kept(new, (), owner, settled, **about)

    async def get(self, batch_id: str, owner: Identity) -> BatchState:
        """Read one of the caller's batches; raises `NotFound`."""

        def unit(connection: Connection) -> BatchState:
            batch = batches.get(connection, batch_id, owner.account)
            return BatchState(batch, batches.processing(connection, batch_id))

        return await self.jobs.database.read(unit)

    async def items(
        self, batch_id: str, owner: Identity, after: int, most: int, status: str
    ) -> BatchItems:
        """Read items of one of the caller's batches, from a position on."""

        def unit(connection: Connection) -> BatchItems:
            batches.get(connection, batch_id, owner.account)
            ids = batches.items(connection, batch_id, after, most, status)
            refused = batches.refusals(connection, batch_id, after, most)
            found = [jobs.get(connection, each) for each in ids]
            return BatchItems(found, refused if status in {"", Status.FAILED} else ())

        return await self.jobs.database.read(unit)

    async def listed(
        self, owner: Identity, before: float, before_id: str, most: int
    ) -> list[Batch]:
        """Read the caller's batches, the newest first."""
        return await self.jobs.database.read(
            lambda each: batches.listed(each, owner.account, before, before_id, most)
        )

    async def cancel(self, batch_id: str, owner: Identity) -> BatchState:
        """Cancel every job of a batch that has not ended; raises `Conflict` when all have."""
        if (await self.get(batch_id, owner)).batch.finished_at is not None:
            raise Conflict("The batch has ended already; nothing is left to cancel.")

        def unit(connection: Connection) -> list[Job]:
            waiting = batches.items(connection, batch_id, -1, _AT_A_TIME, Status.QUEUED)
            at_work = batches.items(connection, batch_id, -1, _AT_A_TIME, Status.PROCESSING)
            return [
                self.jobs.ledger.cancel(connection, each, owner.account)
                for each in (*waiting, *at_work)
            ]

        while cancelled := await self.jobs.database.run(unit):
            for job in cancelled:
                self.jobs.bells.ended(job)
        return await self.get(batch_id, owner)

    async def wait(self, batch_id: str, owner: Identity, seconds: float) -> BatchState:
        """Give a batch when it has ended, or as it stands after so many seconds."""
        until = time.monotonic() + seconds
        state = await self.get(batch_id, owner)
        while state.batch.finished_at is None and await self.jobs.is_rung(batch_id, until):
            state = await self.get(batch_id, owner)
        return state

    async def _planned(
        self, wishes: Sequence[Wish], owner: Identity
    ) -> tuple[list[NewJob], list[Refusal]]:
        """Bind each item to its image, or tell that its URL is refused.

        Raises `InvalidRequest` naming items without an image.
        """
        completed = await self._completed(wishes, owner)
        needed = sorted({each for wish in completed for each in images_needed(wish)})
        found = await self.jobs.found(needed, owner)
        known = {*found.images, *found.pending}
        missing = [at for at, w in enumerate(wishes) if w.image_id not in known and w.url is None]
        if missing:
            problem = "names no image that is there."
            errors = [FieldError(f"items.{at}.input.image_id", problem) for at in missing]
            message = f"{len(missing)} items name images that are not there."
            raise InvalidRequest(message, errors=errors[:_MOST_ERRORS])
        new, refusals = [], []
        for at, wish in enumerate(completed):
            if at % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                self.jobs.check_urls(wish)
            except UrlNotAllowed as error:
                told = IntakeError(code=error.code, message=error.message)
                refusals.append(Refusal(at, wish.url, told.model_dump()))
            else:
                plan = self.jobs.bound(wish, None, found, owner)
                new.append(NewJob(plan, place=Place(position=at)))
        return await self.jobs.prepared_all(new), refusals

    async def _planned_on(self, each: Wish, carried: Intakes, owner: Identity) -> list[NewJob]:
        new = []
        for at, item in enumerate(carried.items):
            if item.image is not None:
                plan = await self.jobs.plan_on(each, owner, item.image)
                new.append(NewJob(plan, place=Place(position=at)))
        return await self.jobs.prepared_all(new)

    async def _completed(self, wishes: Sequence[Wish], owner: Identity) -> list[Wish]:
        """Complete wishes by presets and by what the key says; items often share their outputs."""
        known: dict[int, Wish] = {}
        completed = []
        for wish in wishes:
            shared = id(wish.outputs)
            if shared not in known:
                known[shared] = await self.jobs.completed(wish, owner)
            completed.append(replace(known[shared], image_id=wish.image_id, url=wish.url))
        return completed

    async def _made(
        self,
        new: Sequence[NewJob],
        refusals: Sequence[Refusal],
        owner: Identity,
        keep: KeepBatch,
        webhook_url: str | None,
    ) -> Batch:
        return await self._kept(
            new, refusals, owner, lambda each, batch, _: keep(each, batch), webhook_url=webhook_url
        )

    async def _kept(
        self,
        new: Sequence[NewJob],
        refusals: Sequence[Refusal],
        owner: Identity,
        keep: Callable[[Connection, Batch, Sequence[Job]], None],
        *,
        replay_of: str | None = None,
        webhook_url: str | None = None,
    ) -> Batch:
        batch_id = str(uuid.uuid4())
        placed = [replace(each, place=replace(each.place, batch_id=batch_id)) for each in new]
        request_id = get_contextvars().get("request_id")
        made_batch: list[Batch] = []

        def unit(connection: Connection, made: Sequence[Job]) -> None:
            now = connection.now()
            done = sum(job.standing.status is Status.COMPLETED for job in made)
            total = len(made) + len(refusals)
            is_over = done + len(refusals) == total
            batch = Batch(
                id=batch_id,
                owner=owner.account,
                created_at=now,
                total=total,
                completed=done,
                failed=len(refusals),
                finished_at=now if is_over else None,
                replay_of=replay_of,
                request_id=request_id,
                webhook_url=webhook_url,
            )
            batches.add(connection, batch, refusals)
            if is_over:
                events.add_of_batch(connection, batch, "batch.completed", now)
            keep(connection, batch, made)
            made_batch[:] = [batch]

        await self.jobs.accept_all(placed, owner, unit)
        return made_batch[0]
