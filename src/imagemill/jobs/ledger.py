"""What happens to a job, each as one transaction: ruled by `states`, written by `records`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from imagemill.contracts.jobs import Failure, Finish, GivenBack
from imagemill.contracts.usage import month_of
from imagemill.database import Connection
from imagemill.errors import (
    Conflict,
    DeadlinePassed,
    QueueFull,
    TooManyJobs,
    WorkerLost,
    by_code,
)
from imagemill.jobs import states
from imagemill.jobs.awaiting import Awaited
from imagemill.jobs.job import Attempt, DeadLetter, Job, Origin, Output, Place, Result
from imagemill.jobs.message import message_about
from imagemill.jobs.plan import Plan
from imagemill.jobs.quota import Quota, Spender, spent_on
from imagemill.jobs.records import (
    attempts,
    batches,
    events,
    jobs,
    letters,
    outbox,
    results,
    usage,
    waits,
)
from imagemill.jobs.records.usage import Tally
from imagemill.jobs.states import Patience, Ruling, Standing, Status

_FULL_RETRY_S: Final = 10
"""When to try again after a refusal for too many jobs; how fast they end is not known."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many jobs may be unfinished at the same moment."""

    of_owner: int
    in_all: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """A plan that is about to become a job."""

    plan: Plan | Awaited
    stored: Mapping[str, Result] = field(default_factory=dict)
    """Results of the very same work that are there already, by output name."""
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rules and sources that every entry needs."""

    patience: Patience
    bounds: Bounds
    new_id: Callable[[], str]
    jitter: Callable[[float], float]
    quota: Quota = field(default_factory=Quota)

    def accept(
        self,
        connection: Connection,
        new: Sequence[NewJob],
        spender: Spender,
        origin: Origin,
        *,
        is_counted: bool = True,
    ) -> list[Job]:
        """Keep new jobs of one owner; one whose every result is stored already, completed.

        Raises `TooManyJobs` or `QueueFull` and, for jobs that are counted, `QuotaExceeded`; then
        none of them is kept.
        """
        now, owner = connection.now(), spender.owner
        made = [self._made(connection, each, spender, origin, now) for each in new]
        unfinished = [job for job in made if not job.standing.status.is_final]
        self.check_room(connection, owner, len(unfinished))
        if is_counted:
            done = len(made) - len(unfinished)
            self.quota.spend(connection, spender, now, jobs=len(made), completed=done)
        ready = [job for job in unfinished if not job.is_waiting]
        jobs.add(connection, made)
        for job, each in zip(made, new, strict=True):
            if isinstance(each.plan, Awaited):
                plan = each.plan
                waits.add(connection, job.id, plan.asker, plan.waits, now, fresh=plan.fresh)
        events.add_many(connection, made, "job.queued", now)
        events.add_many(connection, _completed(made), "job.completed", now)
        for priority in {job.terms.priority for job in ready}:
            mine = [job for job in ready if job.terms.priority is priority]
            messages = [(job.id, message_about(job)) for job in mine]
            outbox.put(connection, owner, priority, messages)
        return made

    def check_room(self, connection: Connection, owner: str, more: int) -> None:
        """Raise `TooManyJobs` or `QueueFull` when so many more jobs may not wait now."""
        if more and jobs.unfinished(connection, owner) + more > self.bounds.of_owner:
            raise TooManyJobs(
                f"You have as many unfinished jobs as one owner may have: {self.bounds.of_owner}. "
                "Try again when some have ended.",
                limit={"max_unfinished_per_owner": self.bounds.of_owner},
                retry_after_s=_FULL_RETRY_S,
            )
        if more and jobs.unfinished(connection) + more > self.bounds.in_all:
            raise QueueFull(
                "There are as many unfinished jobs as this installation takes; try again later.",
                limit={"max_unfinished": self.bounds.in_all},
                retry_after_s=_FULL_RETRY_S,
            )

    def claim(self, connection: Connection, job_id: str, worker: str, lease_s: float) -> Job:
        """Lend a job to a worker; raises `Conflict` when it is not to be had."""
        now = connection.now()
        job = jobs.get(connection, job_id)
        ruling = states.claimed(job.standing)
        if job.rests_until is not None:
            raise Conflict("The job rests after a failure; it will be announced again.")
        if job.is_waiting:
            raise Conflict("The job waits for its image; it will be announced when that is there.")
        job = replace(
            job,
            standing=ruling.standing,
            started_at=job.started_at or now,
            attempt_at=now,
            worker=worker,
            progress=0,
            lease_id=self.new_id(),
        )
        jobs.move(connection, job, lease_until=now + lease_s)
        events.add(connection, job, "job.started", now)
        return job

    def beat(
        self,
        connection: Connection,
        job_id: str,
        lease_id: str,
        lease_s: float,
        progress: int | None = None,
    ) -> bool:
        """Extend a lease and note progress; tell whether there was any.

        Raises `Conflict` when the lease is held no more.
        """
        now = connection.now()
        known = jobs.beat(connection, job_id, lease_id, now + lease_s)
        if known is None:
            raise _stale()
        if progress is None or progress <= known:
            return False
        jobs.note_progress(connection, job_id, progress)
        job = jobs.get(connection, job_id)
        events.add(connection, job, "job.progress", now, {"progress": progress})
        return True

    def finish(self, connection: Connection, job_id: str, finish: Finish) -> Job:
        """Record the results and complete the job; raises `Conflict` for a stale lease."""
        now = connection.now()
        job = _leased(connection, job_id, finish.lease_id)
        keys = {each.name: each.work_key for each in job.outputs}
        made = {
            name: Result(work_key=keys[name], created_at=now, **each.model_dump())
            for name, each in finish.outputs.items()
        }
        results.keep(connection, job.id, made)
        job = replace(job, outputs=tuple(_with(each, made) for each in job.outputs))
        work = finish.model_dump(include={"decodes", "cpu_s", "peak_memory_bytes"})
        return self.carry_out(connection, job, states.finished(job.standing), work=work)

    def fail(self, connection: Connection, job_id: str, failure: Failure) -> Job:
        """Rule on a failed attempt; raises `Conflict` for a stale lease."""
        job = _leased(connection, job_id, failure.lease_id)
        error = by_code(failure.code)
        ruling = states.failed(job.standing, error, self._patience(job), self.jitter)
        told = failure.model_dump(exclude={"lease_id"})
        return self.carry_out(connection, job, ruling, error=told)

    def give_back(self, connection: Connection, job_id: str, given: GivenBack) -> Job:
        """Take a job back from a worker that cannot go on; raises `Conflict` for a stale lease."""
        job = _leased(connection, job_id, given.lease_id)
        ruling = states.given_back(job.standing, self.jitter(given.pause_s))
        return self.carry_out(connection, job, ruling, note=given.reason)

    def cancel(self, connection: Connection, job_id: str, owner: str) -> Job:
        """End a job for its owner; its worker, if it has one, learns it at its next beat."""
        job = jobs.get(connection, job_id, owner)
        return self.carry_out(connection, job, states.cancelled(job.standing))

    def lose(self, connection: Connection, job_id: str) -> Job:
        """Take a job back from a worker that has been silent for too long."""
        job = jobs.get(connection, job_id)
        ruling = states.lost(job.standing, self.patience)
        return self.carry_out(connection, job, ruling, error=_LOST if ruling.error else None)

    def expire(self, connection: Connection, job_id: str) -> Job:
        """End a job whose deadline is over."""
        job = jobs.get(connection, job_id)
        return self.carry_out(connection, job, states.overdue(job.standing), error=_OVERDUE)

    def announce(self, connection: Connection, job_id: str) -> Job:
        """Put a queued job into the outbox, before those that have not had their turn."""
        job = jobs.get(connection, job_id)
        outbox.stir(connection, job.id)
        message = message_about(job)
        outbox.put_first(connection, job.owner, job.terms.priority, job.id, message)
        return job

    def carry_out(
        self,
        connection: Connection,
        job: Job,
        ruling: Ruling,
        *,
        error: Mapping[str, Any] | None = None,
        work: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> Job:
        """Move a job as it was ruled, write its history, and let whoever must know hear of it."""
        now = connection.now()
        is_final = ruling.standing.status.is_final
        before, job = job, _moved(job, ruling, now, error, work or {})
        jobs.move(connection, job)
        if ruling.outcome is not None:
            attempts.add(connection, _attempt(before, ruling, now, error, note))
        code = {"code": ruling.error} if ruling.error else None
        events.add(connection, job, _event_of(ruling), now, code)
        if is_final:
            self._settle(connection, job, ruling, now)
        elif job.rests_until is None:
            message = message_about(job)
            outbox.put_first(connection, job.owner, job.terms.priority, job.id, message)
        return job

    def _settle(self, connection: Connection, job: Job, ruling: Ruling, now: float) -> None:
        """Do what the end of a job asks for."""
        if job.is_waiting:
            waits.end(connection, job.id)
        jobs.count(connection, job.owner, -1)
        tally = Tally(job.owner, month_of(now), job.key_id or "")
        usage.end(connection, tally, job.standing.status, spent_on(job))
        if ruling.is_dead:
            reason = ruling.error or ""
            letter = DeadLetter(job.id, job.owner, reason, job.type, now, state="waiting")
            letters.add(connection, letter)
        if job.place.batch_id is not None:
            batch = batches.count(connection, job.place.batch_id, **{str(job.standing.status): 1})
            if batch.ended == batch.total and batch.finished_at is None:
                batches.finish(connection, batch.id, now)
                events.add_of_batch(connection, batch, "batch.completed", now)

    def _patience(self, job: Job) -> Patience:
        retries = job.terms.max_retries
        return self.patience if retries is None else self.patience.with_retries(retries)

    def _made(
        self,
        connection: Connection,
        new: NewJob,
        spender: Spender,
        origin: Origin,
        now: float,
    ) -> Job:
        plan, outputs = new.plan, outputs_of(connection, new)
        is_done = all(each.result for each in outputs)
        deadline_at = None if is_done or plan.deadline_s is None else now + plan.deadline_s
        return Job(
            id=self.new_id(),
            owner=spender.owner,
            key_id=spender.key_id,
            pixels=plan.pixels if isinstance(plan, Plan) else 0,
            origin_url=plan.origin_url if isinstance(plan, Awaited) else None,
            type=plan.type,
            standing=Standing(Status.COMPLETED if is_done else Status.QUEUED),
            image_id=plan.image.image_id if isinstance(plan, Plan) else plan.image_id,
            storage_key=plan.image.storage_key if isinstance(plan, Plan) else "",
            pictures=plan.pictures if isinstance(plan, Plan) else dict.fromkeys(plan.further, ""),
            digests=plan.digests if isinstance(plan, Plan) else {},
            outputs=outputs,
            created_at=now,
            terms=replace(plan.terms, deadline_at=deadline_at),
            place=new.place,
            request_id=origin.request_id,
            traceparent=origin.traceparent,
            finished_at=now if is_done else None,
        )


_LOST: Final[Mapping[str, Any]] = {
    "code": WorkerLost.code,
    "message": "The workers that tried this job were not heard of again.",
    "output": None,
    "limit": {},
}
_OVERDUE: Final[Mapping[str, Any]] = {
    "code": DeadlinePassed.code,
    "message": "The job had not ended by its deadline. Give it more time, or a higher priority.",
    "output": None,
    "limit": {},
}


def _moved(
    job: Job,
    ruling: Ruling,
    now: float,
    error: Mapping[str, Any] | None,
    work: Mapping[str, Any],
) -> Job:
    is_final = ruling.standing.status.is_final
    return replace(
        job,
        standing=ruling.standing,
        rests_until=now + ruling.due_in_s if ruling.due_in_s > 0 else None,
        finished_at=now if is_final else None,
        terms=replace(job.terms, deadline_at=None) if is_final else job.terms,
        lease_id=None,
        error=error,
        work=work,
        is_dead=ruling.is_dead,
    )


def _attempt(
    job: Job, ruling: Ruling, now: float, error: Mapping[str, Any] | None, note: str
) -> Attempt:
    assert ruling.outcome is not None
    return Attempt(
        job_id=job.id,
        number=job.standing.attempt,
        worker=job.worker or "",
        started_at=job.attempt_at or now,
        ended_at=now,
        outcome=ruling.outcome,
        error=error or ({"message": note} if note else None),
    )


def _event_of(ruling: Ruling) -> str:
    if not ruling.standing.status.is_final:
        return "job.requeued"
    return "job.dead" if ruling.is_dead else f"job.{ruling.standing.status}"


def _completed(made: Sequence[Job]) -> list[Job]:
    return [job for job in made if job.standing.status is Status.COMPLETED]


def _still_there(connection: Connection, result: Result | None) -> Result | None:
    """Look again in the transaction that points at a result: it may have expired meanwhile."""
    if result is None or not results.is_there(connection, result.storage_key):
        return None
    return result


def outputs_of(connection: Connection, new: NewJob) -> tuple[Output, ...]:
    """Give the outputs of a new job, with the results that are stored already."""
    return tuple(
        _output(new.plan, name, _still_there(connection, new.stored.get(name)))
        for name in new.plan.outputs
    )


def _output(plan: Plan | Awaited, name: str, result: Result | None) -> Output:
    return Output(
        name=name,
        steps=plan.outputs[name].steps,
        work_key=plan.outputs[name].work_key,
        storage_key=result.storage_key if result else None,
        result=result,
        is_cached=result is not None,
    )


def _with(output: Output, made: Mapping[str, Result]) -> Output:
    """Give an output the result that was made for it, if one was."""
    result = made.get(output.name)
    return output if result is None else replace(output, result=result)


def _leased(connection: Connection, job_id: str, lease_id: str) -> Job:
    job = jobs.get(connection, job_id)
    if job.lease_id != lease_id:
        raise _stale()
    return job


def _stale() -> Conflict:
    return Conflict("The lease is over; a newer attempt decides about this job.")
