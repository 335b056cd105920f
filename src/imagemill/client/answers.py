"""What the server answers, as frozen models; fields that a newer server adds are left aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Status(StrEnum):
    """Say where a job stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self not in {Status.QUEUED, Status.PROCESSING}


class Priority(StrEnum):
    """Name a lane of the queue."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class FieldProblem(_Answer):
    """One field of a request that the server did not take."""

    field: str
    """Path to the field, such as `outputs.small.0.width`."""
    problem: str
    """What is wrong with it, as a sentence."""


class Problem(_Answer):
    """A refusal or failure, as RFC 9457 describes it."""

    code: str = "unknown"
    """Stable name to branch on, such as `too_large`."""
    title: str = ""
    status: int = 0
    """The HTTP status; inside a job, the one that the same problem would have had."""
    detail: str = ""
    """What happened, what the limit is and what to do, in words for people."""
    errors: tuple[FieldProblem, ...] = ()
    limit: Mapping[str, Any] = Field(default_factory=dict)
    """Names and values of the limit that was broken, such as `{"limit_px": 10000}`."""
    request_id: str | None = None
    """Names this request in the server's logs."""


class Image(_Answer):
    """An original that the server keeps."""

    image_id: str
    format: str
    width: int
    """Pixels across, upright: the EXIF orientation is already counted."""
    height: int
    frames: int = 1
    orientation: int = 1
    """EXIF orientation in the file, 1 to 8."""
    sha256: str
    size_bytes: int


class Output(_Answer):
    """One output of a completed job."""

    url: str
    """Path at the server, or a signed address elsewhere; `Client.download` takes both."""
    format: str
    """A picture format, or `json` where the output is data."""
    media_type: str = ""
    width: int | None = None
    """Pixels; None where the output is data."""
    height: int | None = None
    """Pixels of one frame."""
    frames: int | None = None
    size_bytes: int
    sha256: str
    milliseconds: float | None = None
    """Time that the making took; None where the server did not measure it."""
    cached: bool = False
    """Whether the result was there already, so that nothing was worked."""


class JobInput(_Answer):
    """What a job works on."""

    image_id: str | None = None


class Job(_Answer):
    """A job as the server saw it when it answered."""

    job_id: str
    type: str = "pipeline"
    """The operation of a short form, or `pipeline`."""
    status: Status
    cached: bool = False
    """Whether every output was there already."""
    input: JobInput = JobInput()
    outputs: Mapping[str, Output] = Field(default_factory=dict)
    """Results by name; empty until the job is completed."""
    error: Problem | None = None
    """Why the job failed; None unless it did."""
    failed_output: str | None = None
    """Name of the output that the failure is about; None when the picture itself is the reason."""
    attempts: int = 0
    """How often a worker has tried."""
    priority: Priority = Priority.NORMAL
    progress: int = 0
    """Percent done of the newest attempt; 100 when completed."""
    deadline_at: datetime | None = None
    """By when it must have ended; None for no deadline, and once it has ended."""
    batch_id: str | None = None
    """The batch that it belongs to; None for a job of its own."""
    replay_of: str | None = None
    """The job that this one does again; None for a first one."""
    decodes: int | None = None
    """How often the original was decoded; None until the job is completed."""
    created_at: datetime
    started_at: datetime | None = None
    """None until a worker took it; stays None for a cached job."""
    finished_at: datetime | None = None

    @field_validator("outputs", mode="before")
    @classmethod
    def _made(cls, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
        # The server lists the outputs that it will make, too; they have no address yet.
        return {name: each for name, each in outputs.items() if each.get("url")}


class Accepted(_Answer):
    """A job that the server promised to do."""

    job_id: str
    status: Status
    cached: bool = False
    """Whether every result was there already; then the job is completed at once."""
    job: Job | None = None
    """The ended job, when `submit` waited for it and it ended in time."""


class Jobs(_Answer):
    """Some of the caller's jobs, the newest first."""

    jobs: tuple[Job, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Attempt(_Answer):
    """One try at a job."""

    number: int
    worker: str
    outcome: str
    """`failed`, `lost` where the worker died, and so on."""
    error: Mapping[str, Any] | None = None
    """Why it failed: `code` and `message`; None where it did not."""
    started_at: datetime
    ended_at: datetime


class DeadLetter(_Answer):
    """A job whose tries are used up; it waits for a person."""

    id: str
    """The job's id, too."""
    reason: str
    """Code of the last error."""
    operation: str
    """The job's type."""
    state: str
    """`waiting`, `replayed` or `discarded`."""
    replayed_as: str | None = None
    """The job that does it again, once there is one."""
    at: datetime
    """When the tries were used up."""


class DeadLetterDetails(DeadLetter):
    """A dead letter with all that is needed to decide about it."""

    job: Job
    attempts: tuple[Attempt, ...]
    image: Image | None = None
    """The original; None when it was deleted."""


class DeadLetterList(_Answer):
    """Some of the caller's dead letters, the newest first."""

    dead_letters: tuple[DeadLetter, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Decided(_Answer):
    """What became of one dead letter that was to be replayed or discarded."""

    id: str
    job_id: str | None = None
    """The new job, where the letter was replayed."""
    code: str | None = None
    """Why nothing was done, as an error's code; None where it was done."""
    detail: str | None = None
    """The same in words for people."""

    @property
    def is_done(self) -> bool:
        """Whether the letter was replayed or discarded as asked."""
        return self.code is None


class DecidedList(_Answer):
    """What became of each letter of one request."""

    decided: tuple[Decided, ...]


class BatchStatus(StrEnum):
    """Say where a batch stands."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    """It has ended, and some items are not completed."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether every item has ended."""
        return self is not BatchStatus.PROCESSING


class Batch(_Answer):
    """Many jobs made by one request, as the server counted them when it answered."""

    batch_id: str
    status: BatchStatus
    total: int
    queued: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    """Failed jobs, and items whose picture was refused."""
    cancelled: int = 0
    replay_of: str | None = None
    """The batch whose failures these are; None for a first one."""
    created_at: datetime
    finished_at: datetime | None = None
    """None until every item has ended."""


class BatchList(_Answer):
    """Some of the caller's batches, the newest first."""

    batches: tuple[Batch, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class RefusedItem(_Answer):
    """An item of a batch that never became a job, because its picture was refused."""

    position: int
    """Which file of the form it was, from 0."""
    name: str | None = None
    """What its sender called the file."""
    error: Mapping[str, Any]
    """`code`, `message` and `limit`."""


class BatchItemList(_Answer):
    """Some items of a batch, in order."""

    jobs: tuple[Job, ...]
    refused: tuple[RefusedItem, ...] = ()
    next: int | None = None
    """Where the list goes on; None at its end."""


class Event(_Answer):
    """What happened to a job."""

    id: int
    """Only grows; `Client.follow` can go on after it."""
    type: str
    """`job.queued`, `job.started`, `job.requeued`, or how it ended: `job.completed`, ..."""
    job_id: str
    at: datetime

    @property
    def is_last(self) -> bool:
        """Whether the job ended so."""
        return self.type in {"job.completed", "job.failed", "job.cancelled", "job.dead"}


class Preset(_Answer):
    """One version of a pipeline with a name."""

    name: str
    version: int
    """Only grows; a version never changes."""
    steps: tuple[Mapping[str, Any], ...]
    """The pipeline with every default filled in."""
    description: str = ""
    """What the preset is for, the same for all of its versions."""
    created_at: datetime
    """When this version was made."""


class Presets(_Answer):
    """Some of the caller's presets, or some versions of one."""

    presets: tuple[Preset, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class PredictedOutput(_Answer):
    """What an output would be."""

    steps: tuple[Mapping[str, Any], ...]
    """The pipeline with every default filled in."""
    width: int | None = None
    """Pixels; None where only the picture's content decides, as in `trim`."""
    height: int | None = None
    """Pixels of one frame."""


class Prediction(_Answer):
    """What a job would make."""

    outputs: Mapping[str, PredictedOutput]


class Example(_Answer):
    """Parameters of an operation that are known to work."""

    title: str
    parameters: Mapping[str, Any]


class Operation(_Answer):
    """One thing that the server can do to a picture."""

    name: str
    summary: str
    kind: str
    """`pixels` may be followed by steps; `encoding` and `data` end a pipeline."""
    parameters: Mapping[str, Any]
    """JSON Schema of the step."""
    examples: tuple[Example, ...] = ()


class Operations(_Answer):
    """Everything that the server can do."""

    operations: tuple[Operation, ...]
