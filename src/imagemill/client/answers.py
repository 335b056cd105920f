"""What the server answers, as frozen models; fields that a newer server adds are left aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Answer(BaseModel):
    """Stand above every answer: frozen, and open to fields of newer servers."""

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


class FieldProblem(Answer):
    """One field of a request that the server did not take."""

    field: str
    """Path to the field, such as `outputs.small.0.width`."""
    problem: str
    """What is wrong with it, as a sentence."""


class Problem(Answer):
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


class Image(Answer):
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
    name: str | None = None
    """What its sender called the file."""
    created_at: datetime | None = None
    """None only where the server is too old to say."""
    status: str = "stored"
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = Field(default_factory=dict)
    """Your own notes, by key."""
    public: bool = False
    """Whether anybody may read it at `public_url`."""
    public_url: str | None = None


class ImagePage(Answer):
    """One page of a list of images."""

    images: tuple[Image, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Link(Answer):
    """A URL that needs no key and opens one file, until its time is over."""

    url: str
    expires_at: datetime


class Publicity(Answer):
    """Whether anybody may read a result, and where."""

    public: bool
    public_url: str | None = None


class Output(Answer):
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


class JobInput(Answer):
    """What a job works on."""

    image_id: str | None = None


class Job(Answer):
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


class Accepted(Answer):
    """A job that the server promised to do."""

    job_id: str
    status: Status
    cached: bool = False
    """Whether every result was there already; then the job is completed at once."""
    job: Job | None = None
    """The ended job, when `submit` waited for it and it ended in time."""


class Jobs(Answer):
    """Some of the caller's jobs, the newest first."""

    jobs: tuple[Job, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Event(Answer):
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


class Preset(Answer):
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


class Presets(Answer):
    """Some of the caller's presets, or some versions of one."""

    presets: tuple[Preset, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class PredictedOutput(Answer):
    """What an output would be."""

    steps: tuple[Mapping[str, Any], ...]
    """The pipeline with every default filled in."""
    width: int | None = None
    """Pixels; None where only the picture's content decides, as in `trim`."""
    height: int | None = None
    """Pixels of one frame."""


class Prediction(Answer):
    """What a job would make."""

    outputs: Mapping[str, PredictedOutput]


class Example(Answer):
    """Parameters of an operation that are known to work."""

    title: str
    parameters: Mapping[str, Any]


class Operation(Answer):
    """One thing that the server can do to a picture."""

    name: str
    summary: str
    kind: str
    """`pixels` may be followed by steps; `encoding` and `data` end a pipeline."""
    parameters: Mapping[str, Any]
    """JSON Schema of the step."""
    examples: tuple[Example, ...] = ()


class Operations(Answer):
    """Everything that the server can do."""

    operations: tuple[Operation, ...]
