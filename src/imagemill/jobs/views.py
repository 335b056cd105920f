"""Jobs as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.problem import Problem, problem_of
from imagemill.errors import by_code
from imagemill.jobs.job import Attempt, Event, Job, Output
from imagemill.jobs.plan import Plan
from imagemill.jobs.request import SHORT_FORM_OUTPUT
from imagemill.jobs.states import Outcome, Status
from imagemill.jobs.turns import Priority

_JOB_ID = "faf2aad0-4c2b-4266-bd84-af435d85c138"
_INPUT = {"image_id": "1ad4c88f-afcc-42ef-b0f1-c0cdda1e0973"}
_STEPS = [{"op": "resize", "width": 400}, {"op": "convert", "format": "webp"}]


def _is_none(value: object) -> bool:
    return value is None


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Accepted(_View):
    """The answer to work: a promise, and where to ask about it."""

    job_id: str = Field(examples=[_JOB_ID])
    status: Status = Field(description="`queued`; `completed` when every result was stored.")
    cached: bool = Field(description="Whether every result was stored already.", examples=[False])
    url: str = Field(
        description="Where to ask about the job.", examples=[f"/api/v1/jobs/{_JOB_ID}"]
    )


class OutputView(_View):
    """One output: what it is, once it is made, and where its bytes are."""

    steps: list[dict[str, Any]] = Field(
        description="The pipeline with every default filled in.", examples=[_STEPS]
    )
    url: str | None = Field(
        default=None,
        description="Where the result is; null until it is made.",
        examples=[f"/api/v1/jobs/{_JOB_ID}/outputs/result"],
    )
    format: str | None = Field(
        default=None, description="Format of the file, or `json` for data.", examples=["webp"]
    )
    media_type: str | None = Field(default=None, examples=["image/webp"])
    width: int | None = Field(
        default=None, description="Pixels across; null for data.", examples=[400]
    )
    height: int | None = Field(
        default=None, description="Pixels down, of one frame.", examples=[300]
    )
    frames: int | None = Field(
        default=None, description="Frames of an animation, 1 for a still.", examples=[1]
    )
    size_bytes: int | None = Field(default=None, examples=[21504])
    sha256: str | None = Field(default=None, description="Of the result's bytes, in hexadecimal.")
    milliseconds: float | None = Field(
        default=None,
        description="What it took when it was made, after the decoding.",
        examples=[12.5],
    )
    cached: bool = Field(default=False, description="Whether it was stored before the job came.")


class Timings(_View):
    """Where a job's time went, in milliseconds; null for what has not happened."""

    waiting_ms: float | None = Field(description="From acceptance to the first attempt.")
    working_ms: float | None = Field(description="From the first attempt to the end.")
    cpu_ms: float | None = Field(description="Processor time of the attempt that completed it.")


class EventView(_View):
    """What happened to a job or a batch."""

    id: int = Field(description="Only grows, over everything.", examples=[17])
    type: str = Field(
        description="`job.queued`, `job.started`, `job.progress`, `job.requeued`, or how it ended: "
        "`job.completed`, `job.failed`, `job.dead` (tries used up), `job.cancelled`; and "
        "`batch.completed`.",
        examples=["job.completed"],
    )
    job_id: str | None = Field(
        default=None,
        exclude_if=_is_none,
        description="Left out of what happened to a batch.",
        examples=[_JOB_ID],
    )
    batch_id: str | None = Field(
        default=None, exclude_if=_is_none, description="The batch that it belongs to, if any."
    )
    progress: int | None = Field(
        default=None, exclude_if=_is_none, description="Percent done, for `job.progress`."
    )
    code: str | None = Field(
        default=None, exclude_if=_is_none, description="Code of the error, for a bad end."
    )
    at: datetime


class AttemptView(_View):
    """One try at a job that has ended."""

    number: int
    worker: str
    outcome: Outcome
    error: dict[str, Any] | None = Field(description="Why it failed; `code` and `message`.")
    started_at: datetime
    ended_at: datetime


class JobView(_View):
    """A promise to run outputs on one image."""

    job_id: str = Field(examples=[_JOB_ID])
    type: str = Field(
        description="The operation of a short form, or `pipeline`.", examples=["resize"]
    )
    status: Status = Field(examples=[Status.COMPLETED])
    cached: bool = Field(
        description="Whether every result was stored before the job came.", examples=[False]
    )
    input: dict[str, str] = Field(
        description="The image that is worked on, and the `url` that it came from, if any.",
        examples=[_INPUT],
    )
    outputs: dict[str, OutputView] = Field(description="Each output by name.")
    result: OutputView | None = Field(
        default=None, description="The output of a short form, again, for simple programs."
    )
    error: Problem | None = Field(default=None, description="Why the job failed.")
    failed_output: str | None = Field(default=None, description="The output that failed, if one.")
    priority: Priority = Field(examples=[Priority.NORMAL])
    progress: int = Field(description="Percent done of the newest attempt; 100 when completed.")
    deadline_at: datetime | None = Field(
        default=None, description="By when it must have ended; null for no deadline."
    )
    batch_id: str | None = Field(default=None, description="The batch that it belongs to, if any.")
    replay_of: str | None = Field(default=None, description="The job that this one does again.")
    expired_at: datetime | None = Field(
        default=None, description="When its results were removed, if they were."
    )
    attempts: int = Field(description="How often a worker has tried.")
    events: list[EventView] | None = Field(
        default=None, description="What happened after the event that `after` names."
    )
    decodes: int | None = Field(default=None, description="How often the original was decoded.")
    peak_memory_bytes: int | None = None
    timings: Timings
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobList(_View):
    """Some of the caller's jobs, the newest first."""

    jobs: list[JobView]
    next: str | None = Field(
        description="Where the list goes on: `cursor` of the next request; null at the end."
    )


class PredictedOutput(_View):
    """What an output would be."""

    steps: list[dict[str, Any]] = Field(
        description="The pipeline with every default filled in.", examples=[_STEPS]
    )
    width: int | None = Field(description="Pixels across; null where only the pixels decide.")
    height: int | None = Field(description="Pixels down; null where only the pixels decide.")


class DryRun(_View):
    """What a job would be, without any work."""

    dry_run: bool = True
    input: dict[str, str] = Field(description="The image to work on.", examples=[_INPUT])
    outputs: dict[str, PredictedOutput] = Field(description="Each output by name.")


def accepted(job: Job) -> Accepted:
    """Answer a job that was just taken on."""
    return Accepted(
        job_id=job.id, status=job.standing.status, cached=job.is_cached, url=url_of(job.id)
    )


def url_of(job_id: str) -> str:
    """Tell where a job can be asked about."""
    return f"/api/v1/jobs/{job_id}"


def output_url(job_id: str, name: str) -> str:
    """Tell where a result's bytes are."""
    return f"{url_of(job_id)}/outputs/{name}"


def job_view(job: Job) -> JobView:
    """Show a job to its owner."""
    outputs = {each.name: _output_view(job, each) for each in job.outputs}
    return JobView(
        job_id=job.id,
        type=job.type,
        status=job.standing.status,
        cached=job.is_cached,
        input=_input(job),
        outputs=outputs,
        result=outputs.get(SHORT_FORM_OUTPUT) if len(outputs) == 1 else None,
        error=_problem(job),
        failed_output=job.error["output"] if job.error else None,
        priority=job.terms.priority,
        progress=100 if job.standing.status is Status.COMPLETED else job.progress,
        deadline_at=_maybe(job.terms.deadline_at),
        batch_id=job.place.batch_id,
        replay_of=job.place.replay_of,
        expired_at=_maybe(job.expired_at),
        attempts=job.standing.attempt,
        decodes=job.work.get("decodes"),
        peak_memory_bytes=job.work.get("peak_memory_bytes"),
        timings=_timings(job),
        created_at=time_of(job.created_at),
        started_at=_maybe(job.started_at),
        finished_at=_maybe(job.finished_at),
    )


def _input(job: Job) -> dict[str, str]:
    origin = {"url": job.origin_url} if job.origin_url else {}
    return {"image_id": job.image_id, **origin}


def event_view(event: Event) -> EventView:
    """Show an event to the job's owner."""
    return EventView(
        id=event.id,
        type=event.type,
        job_id=event.job_id or None,
        batch_id=event.batch_id,
        progress=event.data.get("progress"),
        code=event.data.get("code"),
        at=time_of(event.at),
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """Show an attempt to the job's owner."""
    return AttemptView(
        number=attempt.number,
        worker=attempt.worker,
        outcome=attempt.outcome,
        error=dict(attempt.error) if attempt.error else None,
        started_at=time_of(attempt.started_at),
        ended_at=time_of(attempt.ended_at),
    )


def dry_run(plan: Plan) -> DryRun:
    """Show what a plan would make."""
    return DryRun(
        input={"image_id": plan.image.image_id},
        outputs={
            name: PredictedOutput(
                steps=each.steps,
                width=each.size[0] if each.size else None,
                height=each.size[1] if each.size else None,
            )
            for name, each in plan.outputs.items()
        },
    )


def _output_view(job: Job, output: Output) -> OutputView:
    result = output.result if job.standing.status is Status.COMPLETED else None
    if result is None and output.storage_key and job.standing.status is Status.COMPLETED:
        # Its bytes were wrong and are being made anew; asking for them waits for that.
        return OutputView(steps=output.steps, url=output_url(job.id, output.name))
    if result is None:
        return OutputView(steps=output.steps)
    return OutputView(
        steps=output.steps,
        url=output_url(job.id, output.name),
        format=result.format,
        media_type=result.media_type,
        width=result.width,
        height=result.height,
        frames=result.frames,
        size_bytes=result.size_bytes,
        sha256=result.sha256,
        milliseconds=round(result.milliseconds, 3),
        cached=output.is_cached,
    )


def _problem(job: Job) -> Problem | None:
    if job.error is None:
        return None
    error = by_code(job.error["code"])(job.error["message"], limit=job.error["limit"])
    return problem_of(error, job.request_id).model_copy(update={"code": job.error["code"]})


def _timings(job: Job) -> Timings:
    cpu_s = job.work.get("cpu_s")
    return Timings(
        waiting_ms=_ms(job.created_at, job.started_at),
        working_ms=_ms(job.started_at, job.finished_at),
        cpu_ms=None if cpu_s is None else round(cpu_s * 1000, 3),
    )


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round((end - start) * 1000, 3)


def time_of(seconds: float) -> datetime:
    """Give a kept time as it is shown."""
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else time_of(seconds)
