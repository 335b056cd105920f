"""What becomes of a job that waited for its images, each as one transaction."""

from __future__ import annotations

from dataclasses import replace

from imagemill.contracts.uploads import IntakeError
from imagemill.database import Connection
from imagemill.errors import Conflict
from imagemill.jobs import states
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import Ledger, NewJob, outputs_of
from imagemill.jobs.message import message_about
from imagemill.jobs.plan import Plan
from imagemill.jobs.records import jobs, outbox, waits


def feed(ledger: Ledger, connection: Connection, job_id: str, new: NewJob) -> Job:
    """Let a job go on whose images are there by now; one that waits no more stays as it is."""
    old = jobs.get(connection, job_id)
    waits.end(connection, job_id)
    if not old.is_waiting or old.standing.status.is_final:
        return old
    assert isinstance(new.plan, Plan)
    job = replace(
        old,
        image_id=new.plan.image.image_id,
        storage_key=new.plan.image.storage_key,
        pictures=new.plan.pictures,
        digests=new.plan.digests,
        outputs=outputs_of(connection, new),
        pixels=new.plan.pixels,
    )
    jobs.feed(connection, job)
    if job.is_cached:
        return ledger.carry_out(connection, job, states.found(job.standing))
    outbox.put(connection, job.owner, job.terms.priority, [(job.id, message_about(job))])
    return job


def starve(ledger: Ledger, connection: Connection, job_id: str, error: IntakeError) -> Job:
    """End a job whose image did not come or cannot be used.

    Raises `Conflict` for one that has ended, or waits no more.
    """
    job = jobs.get(connection, job_id)
    if not job.is_waiting:
        raise Conflict("The job does not wait for an image any more.")
    told = {**error.model_dump(), "output": None}
    return ledger.carry_out(connection, job, states.starved(job.standing, error.code), error=told)
