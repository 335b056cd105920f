"""What happens to a job, each as one transaction: ruled by `states`, written by `records`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from imagemill.contracts.jobs import TOPIC, Failure, Finish, JobInput, JobMessage
from imagemill.database import Connection
from imagemill.errors import Conflict, WorkerLost, by_code
from imagemill.jobs import records, states
from imagemill.jobs.job import Job, Output, Result
from imagemill.jobs.plan import Plan
from imagemill.jobs.states import Patience, Ruling, Standing, Status

_LOST: Final[Mapping[str, Any]] = {
    "code": WorkerLost.code,
    "message": "The workers that tried this job were not heard of again.",
    "output": None,
    "limit": {},
}


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rules and sources that every entry needs."""

    patience: Patience
    clock: Callable[[], float]
    """Seconds since 1970."""
    new_id: Callable[[], str]
    jitter: Callable[[float], float]

    def accept(
        self,
        connection: Connection,
        plan: Plan,
        stored: Mapping[str, Result],
        owner: str,
        request_id: str | None,
    ) -> Job:
        """Keep a new job; where every result is stored already, completed."""
        now = self.clock()
        outputs = tuple(_output(plan, name, stored.get(name)) for name in plan.outputs)
        is_done = all(each.result for each in outputs)
        job = Job(
            id=self.new_id(),
            owner=owner,
            type=plan.type,
            standing=Standing(Status.COMPLETED if is_done else Status.QUEUED),
            image_id=plan.image.image_id,
            storage_key=plan.image.storage_key,
            pictures=plan.pictures,
            outputs=outputs,
            created_at=now,
            due_at=now,
            request_id=request_id,
            finished_at=now if is_done else None,
        )
        records.add(connection, job)
        records.add_event(connection, job, "job.queued", now)
        if is_done:
            records.add_event(connection, job, "job.completed", now)
        else:
            records.add_to_outbox(connection, TOPIC, message_about(job))
        return job

    def claim(self, connection: Connection, job_id: str, lease_s: float) -> Job:
        """Lend a job to a worker; raises `Conflict` when it is not to be had."""
        now = self.clock()
        job = records.get(connection, job_id)
        ruling = states.claimed(job.standing)
        if job.due_at > now:
            raise Conflict("The job rests after a failure; it will be announced again.")
        job = replace(
            job,
            standing=ruling.standing,
            started_at=job.started_at or now,
            lease_id=self.new_id(),
        )
        records.move(connection, job, lease_until=now + lease_s)
        records.add_event(connection, job, "job.started", now)
        return job

    def beat(self, connection: Connection, job_id: str, lease_id: str, lease_s: float) -> None:
        """Extend a lease; raises `Conflict` when it is held no more."""
        if not records.beat(connection, job_id, lease_id, self.clock() + lease_s):
            raise _stale()

    def finish(self, connection: Connection, job_id: str, finish: Finish) -> Job:
        """Record the results and complete the job; raises `Conflict` for a stale lease."""
        now = self.clock()
        job = _leased(connection, job_id, finish.lease_id)
        keys = {each.name: each.work_key for each in job.outputs}
        results = {
            name: Result(work_key=keys[name], created_at=now, **made.model_dump())
            for name, made in finish.outputs.items()
        }
        records.keep_results(connection, job.id, results)
        work = finish.model_dump(include={"decodes", "cpu_s", "peak_memory_bytes"})
        return self._rule(connection, job, states.finished(job.standing), work=work)

    def fail(self, connection: Connection, job_id: str, failure: Failure) -> Job:
        """Rule on a failed attempt; raises `Conflict` for a stale lease."""
        job = _leased(connection, job_id, failure.lease_id)
        error = by_code(failure.code)
        ruling = states.failed(job.standing, error, self.patience, self.jitter)
        return self._rule(connection, job, ruling, error=failure.model_dump(exclude={"lease_id"}))

    def cancel(self, connection: Connection, job_id: str, owner: str) -> Job:
        """End a job for its owner; its worker, if it has one, learns it at its next beat."""
        job = records.get(connection, job_id, owner)
        return self._rule(connection, job, states.cancelled(job.standing))

    def take_back(self, connection: Connection, now: float, most: int) -> list[str]:
        """Rule on jobs whose worker is silent; list them."""
        ended = records.leases_ended(connection, now, most)
        for job_id in ended:
            job = records.get(connection, job_id)
            ruling = states.lost(job.standing, self.patience)
            self._rule(connection, job, ruling, error=_LOST if ruling.error else None)
        return ended

    def announce_again(self, connection: Connection, now: float, before: float, most: int) -> int:
        """Publish once more what is due and nobody came for; tell how many there were."""
        forgotten = records.unheard(connection, now, before, most)
        for job_id in forgotten:
            job = records.get(connection, job_id)
            records.add_to_outbox(connection, TOPIC, message_about(job))
            records.announced(connection, job_id, now)
        return len(forgotten)

    def _rule(
        self,
        connection: Connection,
        job: Job,
        ruling: Ruling,
        *,
        error: Mapping[str, Any] | None = None,
        work: Mapping[str, Any] | None = None,
    ) -> Job:
        """Carry a ruling out: move the job, note the event, tell whoever must know."""
        now = self.clock()
        is_final = ruling.standing.status.is_final
        job = replace(
            job,
            standing=ruling.standing,
            due_at=now + ruling.due_in_s,
            finished_at=now if is_final else None,
            lease_id=None,
            error=error,
            work=work or {},
        )
        records.move(connection, job)
        ended_as = f"job.{job.standing.status}" if is_final else "job.requeued"
        records.add_event(connection, job, ended_as, now)
        if not is_final and ruling.due_in_s == 0:
            records.add_to_outbox(connection, TOPIC, message_about(job))
            records.announced(connection, job.id, now)
        return job


def message_about(job: Job) -> bytes:
    """Write what the queue carries about a job: its id decides, the rest informs."""
    steps = job.outputs[0].steps
    parameters = {k: v for k, v in steps[0].items() if k != "op"} if len(job.outputs) == 1 else {}
    message = JobMessage(
        job_id=job.id,
        type=job.type,
        parameters=parameters if job.type != "pipeline" else {},
        input=JobInput(storage_key=job.storage_key),
        metadata={
            "created_at": int(job.created_at),
            "retry_count": job.standing.failures,
            "request_id": job.request_id,
        },
    )
    return message.model_dump_json().encode()


def _output(plan: Plan, name: str, stored: Result | None) -> Output:
    planned = plan.outputs[name]
    return Output(
        name=name,
        steps=planned.steps,
        work_key=planned.work_key,
        result=stored,
        is_cached=stored is not None,
    )


def _leased(connection: Connection, job_id: str, lease_id: str) -> Job:
    job = records.get(connection, job_id)
    if job.lease_id != lease_id:
        raise _stale()
    return job


def _stale() -> Conflict:
    return Conflict("The lease is over; a newer attempt decides about this job.")
