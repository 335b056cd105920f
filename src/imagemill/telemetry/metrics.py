"""Every metric that Imagemill exports, in one table: name, kind, labels, meaning, and whose it is.

Label values are bounded: routes are templates, outcomes and reasons are words of ours, and nothing
that a caller writes becomes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]

_REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WORK_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
_JOB_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)
_COMMIT_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exported."""

    name: str
    """As Prometheus shows it; units are in it. What a histogram adds to it is in `samples`."""
    kind: Kind
    help: str
    """What it counts or measures, as a sentence."""
    labels: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    """Processes that export it; empty for all."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in seconds."""
    known: tuple[str, ...] = ()
    """Values of the only label that are told from the start, as 0, so that rates are right."""

    @property
    def samples(self) -> tuple[str, ...]:
        """Names under which its numbers are found."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{each}" for each in ("bucket", "sum", "count"))
        return (self.name,)


HTTP_REQUESTS: Final = Metric(
    "http_requests_total",
    "counter",
    "Requests that ended. `route` is the template, `other` where no route took the request or it "
    "was refused before; `status` is 499 where the caller left before the answer.",
    labels=("method", "route", "status"),
)
HTTP_DURATION: Final = Metric(
    "http_request_duration_seconds",
    "histogram",
    "Time from the head of a request to the end of its answer; streams of events last long.",
    labels=("method", "route"),
    buckets=_REQUEST_S,
)
RATE_REFUSALS: Final = Metric(
    "rate_limit_refusals_total",
    "counter",
    "Requests refused for coming too often, by what was counted: `key`, `account`, `address`.",
    labels=("who",),
    by=("gateway",),
)
TASKS_QUEUED: Final = Metric(
    "tasks_queued_total",
    "gauge",
    "What waits to be worked on: `jobs` that no worker has, fetches (`image.fetch`), deliveries "
    "(`notifications`). Each process of a service tells the same number: take `max`, not `sum`.",
    labels=("topic",),
    by=("jobs", "uploads", "notifier"),
)
QUEUE_OLDEST: Final = Metric(
    "queue_oldest_seconds",
    "gauge",
    "Age of the oldest thing that waits in a topic; 0 where nothing does. Take `max`.",
    labels=("topic",),
    by=("jobs", "uploads", "notifier"),
)
QUEUE_MESSAGES: Final = Metric(
    "queue_messages",
    "gauge",
    "Messages that the broker holds: those that wait, few by design, and those that are worked on.",
    labels=("topic",),
    by=("jobs",),
)
QUEUE_OLDEST_MESSAGE: Final = Metric(
    "queue_oldest_message_seconds",
    "gauge",
    "Age of the oldest message that waits at the broker, or, where it cannot part them, is worked "
    "on; left out where the broker does not tell. Take `max`.",
    labels=("topic",),
    by=("jobs",),
)
QUEUE_PUBLISHED: Final = Metric(
    "queue_published_total",
    "counter",
    "Messages that the broker took.",
    labels=("topic",),
    known=("jobs",),
    by=("jobs",),
)
QUEUE_PUBLISH_FAILURES: Final = Metric(
    "queue_publish_failures_total",
    "counter",
    "Publishings that the broker did not take; the messages stay in the outbox.",
    labels=("topic",),
    known=("jobs",),
    by=("jobs",),
)
OUTBOX: Final = Metric(
    "outbox_jobs",
    "gauge",
    "Jobs in the outbox: not announced to the workers yet. Take `max`.",
    by=("jobs",),
)
JOBS_PROCESSING: Final = Metric(
    "jobs_processing",
    "gauge",
    "Jobs that a worker has. Take `max`.",
    by=("jobs",),
)
DEAD_LETTERS: Final = Metric(
    "dead_letters_waiting",
    "gauge",
    "Dead letters that wait for a person. Take `max`.",
    by=("jobs",),
)
JOBS_ENDED: Final = Metric(
    "jobs_ended_total",
    "counter",
    "Jobs that ended: `completed`, `cached` (every result was there already), `failed`, `dead` "
    "(failed, with a dead letter), `cancelled`.",
    labels=("outcome",),
    known=(
        "completed",
        "cached",
        "failed",
        "dead",
        "cancelled",
    ),
    by=("jobs",),
)
JOB_DURATION: Final = Metric(
    "job_duration_seconds",
    "histogram",
    "Time from a job's acceptance to its end, waiting included; `cached` jobs take none.",
    labels=("outcome",),
    by=("jobs",),
    buckets=_JOB_S,
)
ATTEMPTS_LOST: Final = Metric(
    "attempts_lost_total",
    "counter",
    "Attempts whose worker fell silent until its lease ended.",
    by=("jobs",),
)
MESSAGES_LOST: Final = Metric(
    "messages_lost_total",
    "counter",
    "Jobs announced once more because the broker had lost their message.",
    by=("jobs",),
)
PROCESSING_DURATION: Final = Metric(
    "image_processing_duration_seconds",
    "histogram",
    "Time for one output, from the decoded picture to its last byte, by its operation; `pipeline` "
    "where it has several.",
    labels=("operation",),
    by=("worker",),
    buckets=_WORK_S,
)
IMAGES_PROCESSED: Final = Metric(
    "images_processed_total",
    "counter",
    "Attempts at a job that ended here: `completed`, `failed`, `given_back` (something needed did "
    "not answer, or the worker leaves), `overtaken` (the lease was over).",
    labels=("outcome",),
    known=(
        "completed",
        "failed",
        "given_back",
        "overtaken",
    ),
    by=("worker",),
)
BUSY_RATIO: Final = Metric(
    "worker_busy_ratio",
    "gauge",
    "Part of this worker's children that work now, 0 to 1.",
    by=("worker",),
)
SANDBOX_CHILDREN: Final = Metric(
    "sandbox_children",
    "gauge",
    "Children alive, at work or idle.",
    labels=("process",),
    by=("uploads", "worker"),
)
SANDBOX_WORKING: Final = Metric(
    "sandbox_working",
    "gauge",
    "Orders in a child's hands.",
    labels=("process",),
    by=("uploads", "worker"),
)
SANDBOX_WAITING: Final = Metric(
    "sandbox_waiting",
    "gauge",
    "Orders that wait for a child.",
    labels=("process",),
    by=("uploads", "worker"),
)
SANDBOX_KILLS: Final = Metric(
    "sandbox_kills_total",
    "counter",
    "Children that died over an order: `deadline` (killed as too slow), `cpu` (its processor time "
    "was used up), `forbidden_call`, `signal` (another signal, such as a crash), `exit`, `lied` "
    "(its answer could not be true), `unknown` (the zygote died with it).",
    labels=("process", "reason"),
    by=("uploads", "worker"),
)
SANDBOX_RESTARTS: Final = Metric(
    "sandbox_restarts_total",
    "counter",
    "Zygotes started beyond the first.",
    labels=("process",),
    by=("uploads", "worker"),
)
STORAGE_USED: Final = Metric(
    "storage_used_bytes",
    "gauge",
    "Bytes that are kept, by bucket: `originals` (told by uploads), `results` (told by jobs). Take "
    "`max` of each.",
    labels=("bucket",),
    by=("uploads", "jobs"),
)
DISK_FREE: Final = Metric(
    "disk_free_bytes",
    "gauge",
    "Room left on the disk of the data folder.",
)
DISK_SIZE: Final = Metric(
    "disk_size_bytes",
    "gauge",
    "Size of the disk of the data folder.",
)
COMMIT_DURATION: Final = Metric(
    "database_commit_duration_seconds",
    "histogram",
    "Time from asking for a transaction that may write to its end, the wait for its turn included.",
    labels=("database",),
    by=("users", "uploads", "jobs", "notifier"),
    buckets=_COMMIT_S,
)
DATABASE_FAILURES: Final = Metric(
    "database_failures_total",
    "counter",
    "Transactions that found the database not to be reached or written.",
    labels=("database",),
    by=("users", "uploads", "jobs", "notifier"),
)
BREAKER_STATE: Final = Metric(
    "breaker_state",
    "gauge",
    "How the breaker of a part stands: 0 closed, 1 half-open, 2 open (the part is left alone).",
    labels=("part",),
)
BREAKER_FAILURES: Final = Metric(
    "breaker_failures_total",
    "counter",
    "Calls of a part that failed; `storage.read` and `storage.write` are errors of the storage.",
    labels=("part",),
)
BREAKER_TURNED_AWAY: Final = Metric(
    "breaker_turned_away_total",
    "counter",
    "Calls that were not made because the part was left alone.",
    labels=("part",),
)
BREAKER_OPENINGS: Final = Metric(
    "breaker_openings_total",
    "counter",
    "How often the breaker of a part opened.",
    labels=("part",),
)
NOTIFICATIONS: Final = Metric(
    "notifications_total",
    "counter",
    "Tries to tell somebody, by channel: `delivered`, `again` (failed, tried later), `never` "
    "(failed for good).",
    labels=("channel", "outcome"),
    by=("notifier",),
)
LEFT_OUT: Final = Metric(
    "metrics_left_out_total",
    "counter",
    "Scrapes that a part of this process had no numbers for in time.",
    labels=("part",),
)
BUILD_INFO: Final = Metric(
    "imagemill_build_info",
    "gauge",
    "Always 1; the labels tell the version and the processes that run here, joined by `+`.",
    labels=("version", "processes"),
)

ALL: Final = (
    *(HTTP_REQUESTS, HTTP_DURATION, RATE_REFUSALS),
    *(TASKS_QUEUED, QUEUE_OLDEST, QUEUE_MESSAGES, QUEUE_OLDEST_MESSAGE),
    *(QUEUE_PUBLISHED, QUEUE_PUBLISH_FAILURES),
    *(OUTBOX, JOBS_PROCESSING, DEAD_LETTERS, JOBS_ENDED, JOB_DURATION),
    *(ATTEMPTS_LOST, MESSAGES_LOST),
    *(PROCESSING_DURATION, IMAGES_PROCESSED, BUSY_RATIO),
    *(SANDBOX_CHILDREN, SANDBOX_WORKING, SANDBOX_WAITING, SANDBOX_KILLS, SANDBOX_RESTARTS),
    *(STORAGE_USED, DISK_FREE, DISK_SIZE, COMMIT_DURATION, DATABASE_FAILURES),
    *(BREAKER_STATE, BREAKER_FAILURES, BREAKER_TURNED_AWAY, BREAKER_OPENINGS),
    *(NOTIFICATIONS, LEFT_OUT, BUILD_INFO),
)
"""All of ours, in the order of the reference page."""
PROCESS_METRICS: Final = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
)
"""What the Prometheus client tells of every process beside them, on Linux."""
