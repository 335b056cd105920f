"""Doing again what did not come to a good end: jobs, dead letters, and what failed of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagemill.audit import Note
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image
from imagemill.database import Connection
from imagemill.errors import Conflict, NotFound
from imagemill.jobs.awaiting import Awaited, again
from imagemill.jobs.job import Attempt, DeadLetter, Job, Place
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.records import attempts, jobs, letters, waits
from imagemill.jobs.records.letters import LetterListing
from imagemill.jobs.request import TermsRequest, Wish
from imagemill.jobs.service import Jobs, Keep
from imagemill.jobs.states import Status
from imagemill.pipeline import parse
from imagemill.telemetry.tracing import link_to


@dataclass(frozen=True, slots=True)
class LetterDetails:
    """All that a person needs to decide about a dead letter."""

    letter: DeadLetter
    job: Job
    attempts: Sequence[Attempt]
    image: Image | None
    """The original; None when it was deleted."""


@dataclass(frozen=True, slots=True)
class Replays:
    """Jobs done again; each becomes a new job that names the old one."""

    jobs: Jobs

    async def job(self, job_id: str, owner: Identity, keep: Keep | None = None) -> Job:
        """Do a failed or cancelled job again; raises `Conflict` for any other.

        So it does for a job whose dead letter was replayed or discarded.
        """
        old = await self.jobs.get(job_id, owner)
        new = await self.prepared(old, owner, Place(replay_of=old.id))

        def settled(connection: Connection, made: Sequence[Job]) -> None:
            self.settle(connection, old, made[0])
            if keep is not None:
                keep(connection, made)

        return (await self.jobs.accept_all([new], owner, settled))[0]

    async def prepared(self, old: Job, owner: Identity, place: Place) -> NewJob:
        """Plan an old job anew, with today's engine; raises `Conflict` unless it went wrong."""
        if old.standing.status not in {Status.FAILED, Status.CANCELLED}:
            raise Conflict(
                f"The job is {old.standing.status}; only one that went wrong is done again."
            )
        link_to(old.traceparent)
        if old.is_waiting:
            return NewJob(await self._asked_again(old, owner), place=place)
        try:
            plan = await self.jobs.plan_on(wish_again(old), owner, None)
        except NotFound as error:
            raise NotFound("The job's image was deleted; upload it and make a new job.") from error
        return NewJob(plan, place=place)

    async def _asked_again(self, old: Job, owner: Identity) -> Awaited:
        """Ask once more for the images that an old job never got."""
        wanted = await self.jobs.database.read(lambda each: waits.of_job(each, old.id))
        return again(
            old,
            {each.image_id: each.url for each in wanted},
            owner,
            fresh=any(each.is_fresh for each in wanted),
            new_id=self.jobs.ledger.new_id,
        )

    def settle(self, connection: Connection, old: Job, new: Job) -> None:
        """Note on the dead letter, if there is one, which job does it again."""
        try:
            letter = letters.get(connection, old.id, old.owner)
        except NotFound:
            return
        if not letters.settle(connection, old.id, "replayed", new.id):
            raise already(letter)

    async def letters(self, owner: str | None, wanted: LetterListing) -> list[DeadLetter]:
        """List an account's dead letters, the newest first, and one more if there is.

        With None they are everybody's.
        """
        return await self.jobs.database.read(lambda each: letters.listed(each, owner, wanted))

    async def owner(self, job_id: str, owner: str | None) -> Identity:
        """Find whose a dead letter is, among an account's or with None all; raises `NotFound`."""
        letter = await self.jobs.database.read(lambda each: letters.get(each, job_id, owner))
        return Identity(account=letter.owner)

    async def letter(self, job_id: str, owner: Identity) -> LetterDetails:
        """Show a dead letter with its job, its attempts and its original; raises `NotFound`."""

        def unit(connection: Connection) -> tuple[DeadLetter, Job, list[Attempt]]:
            letter = letters.get(connection, job_id, owner.account)
            return letter, jobs.get(connection, job_id), attempts.of_job(connection, job_id)

        letter, job, tried = await self.jobs.database.read(unit)
        images = await self.jobs.uploads.find([job.image_id], caller=owner)
        return LetterDetails(letter, job, tried, images.get(job.image_id))

    async def discard(self, job_id: str, owner: Identity, note: Note | None = None) -> None:
        """Decide that a dead letter stays as it is; raises `Conflict` when it was decided."""

        def unit(connection: Connection) -> None:
            letter = letters.get(connection, job_id, owner.account)
            if not letters.settle(connection, job_id, "discarded"):
                raise already(letter)
            if note is not None:
                note(connection, job_id)

        await self.jobs.database.run(unit)


def wish_again(job: Job) -> Wish:
    """Write down what an old job asked for; its deadline is over and not asked for again."""
    terms = job.terms
    return Wish(
        outputs={each.name: parse(each.steps, at=each.name) for each in job.outputs},
        image_id=job.image_id,
        fresh=False,
        type=job.type,
        terms=TermsRequest(
            priority=terms.priority,
            max_retries=terms.max_retries,
            timeout_s=terms.timeout_s,
            webhook_url=terms.webhook_url,
        ),
    )


def already(letter: DeadLetter) -> Conflict:
    """Refuse to decide about a letter a second time."""
    what = f"replayed as job {letter.replayed_as}" if letter.replayed_as else letter.state
    return Conflict(f"The dead letter was {what} already.")
