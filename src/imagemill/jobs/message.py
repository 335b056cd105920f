"""What the queue carries about a job."""

from __future__ import annotations

from imagemill.contracts.jobs import JobInput, JobMessage
from imagemill.jobs.job import Job


def message_about(job: Job) -> bytes:
    """Write what the queue carries about a job: its id decides, the rest informs."""
    steps = job.outputs[0].steps
    is_short = job.type != "pipeline" and len(job.outputs) == 1
    message = JobMessage(
        job_id=job.id,
        type=job.type,
        parameters={k: v for k, v in steps[0].items() if k != "op"} if is_short else {},
        input=JobInput(storage_key=job.storage_key),
        metadata={
            "created_at": int(job.created_at),
            "retry_count": job.standing.failures,
            "request_id": job.request_id,
            "traceparent": job.traceparent,
        },
    )
    return message.model_dump_json().encode()
