"""What each process looks at when Prometheus asks, and how it makes spans."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import Response

from imagemill import __version__
from imagemill.assembly.health import health_here
from imagemill.breaker import State
from imagemill.contracts.jobs import TOPIC
from imagemill.contracts.transport import ASGIApp
from imagemill.database import Connection, Database
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import InvalidRequest
from imagemill.gateway.limiting import COUNTED, Limiter
from imagemill.jobs.records import figures
from imagemill.notifier.records import deliveries
from imagemill.queue import Queue
from imagemill.telemetry import metrics
from imagemill.telemetry.meter import KEEP_S, Look, Reading
from imagemill.telemetry.metrics import Metric
from imagemill.telemetry.tracing import Tracing
from imagemill.uploads.records import fetches
from imagemill.uploads.records import usage as intake
from imagemill.web.watching import health_response, metrics_of, watched_app, word

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts

_KEEP_SUMS_S: Final = 60.0
"""How long sums are told again that read a whole table."""
_KEEP_AGE_S: Final = 15.0
"""How long the age of a message is told again: some brokers have to show the message for it."""
_STATES: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


def open_tracing(parts: Parts) -> Tracing:
    """Make spans where a collector is set; raises `InvalidRequest` where the extra is missing."""
    settings = parts.settings.telemetry
    if not settings.otlp_endpoint:
        return Tracing()
    try:
        from imagemill.telemetry.otlp import Exporting  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InvalidRequest(
            "IMAGEMILL_TELEMETRY_OTLP_ENDPOINT is set, but the extra for it is not installed: "
            "pip install 'imagemill[otel]'."
        ) from error
    exporting = Exporting(settings, _service(parts), __version__)
    parts.opened.push_async_callback(exporting.close)
    return Tracing(exporting.tracer())


def _service(parts: Parts) -> str:
    """Name this process in traces; one that is everything is just Imagemill."""
    is_whole = "gateway" in parts.wanted and len(parts.wanted) > 1
    return "imagemill" if is_whole else "-".join(("imagemill", *parts.wanted))


def watched(parts: Parts) -> ASGIApp:
    """Make what answers at the port for watching: numbers, and how this process is."""

    async def ready() -> Response:
        if parts.is_leaving:
            return await word("stopping", HTTPStatus.SERVICE_UNAVAILABLE)
        return await word("ready")

    async def health() -> Response:
        return health_response(await health_here(parts))

    return watched_app(
        {
            "/metrics": partial(metrics_of, parts.meter),
            "/health/live": partial(word, "live"),
            "/health/ready": ready,
            "/health": health,
        }
    )


def watch_process(parts: Parts) -> None:
    """Tell of the process itself: its version, its breakers, the disk of its data folder."""

    async def look() -> Sequence[Reading]:
        build = Reading(metrics.BUILD_INFO, 1, (__version__, "+".join(parts.wanted)))
        return [build, *_breakers(parts)]

    async def disk() -> Sequence[Reading]:
        found = os.statvfs(parts.settings.data)
        return [
            Reading(metrics.DISK_FREE, found.f_bavail * found.f_frsize),
            Reading(metrics.DISK_SIZE, found.f_blocks * found.f_frsize),
        ]

    parts.meter.watch("process", look)
    if parts.is_data_needed(parts.wanted):  # Others have no such folder.
        parts.meter.watch("disk", disk, keep_s=KEEP_S)


def _breakers(parts: Parts) -> list[Reading]:
    readings: list[Reading] = []
    for name, seen in parts.breakers_seen().items():
        readings += [
            Reading(metrics.BREAKER_STATE, _STATES[seen.state], (name,)),
            Reading(metrics.BREAKER_FAILURES, seen.failures, (name,)),
            Reading(metrics.BREAKER_TURNED_AWAY, seen.turned_away, (name,)),
            Reading(metrics.BREAKER_OPENINGS, seen.openings, (name,)),
        ]
    return readings


def watch_jobs(parts: Parts, database: Database, queue: Queue) -> None:
    """Tell what the jobs service's database holds, and its broker."""

    async def counts() -> Sequence[Reading]:
        found = await database.read(figures.figures)
        return [
            Reading(metrics.TASKS_QUEUED, found.outbox + found.announced, (TOPIC,)),
            Reading(metrics.QUEUE_OLDEST, found.oldest_s, (TOPIC,)),
            Reading(metrics.OUTBOX, found.outbox),
            Reading(metrics.JOBS_PROCESSING, found.processing),
            Reading(metrics.DEAD_LETTERS, found.letters),
        ]

    async def broker() -> Sequence[Reading]:
        return [Reading(metrics.QUEUE_MESSAGES, await queue.depth(TOPIC), (TOPIC,))]

    parts.meter.watch("jobs", counts, keep_s=KEEP_S)

    async def age() -> Sequence[Reading]:
        oldest_s = await queue.oldest_s(TOPIC)
        if oldest_s is None:
            return []
        return [Reading(metrics.QUEUE_OLDEST_MESSAGE, oldest_s, (TOPIC,))]

    parts.meter.watch("queue", broker, keep_s=KEEP_S)
    parts.meter.watch("queue age", age, keep_s=_KEEP_AGE_S)
    parts.meter.watch(
        "results", _sum(database, figures.result_bytes, "results"), keep_s=_KEEP_SUMS_S
    )


def watch_uploads(parts: Parts, database: Database) -> None:
    """Tell what the uploads service keeps, and what it still has to fetch."""
    look = _waiting(database, "image.fetch", fetches.under_way)
    parts.meter.watch("fetches", look, keep_s=KEEP_S)
    look = _sum(database, intake.stored_bytes, "originals")
    parts.meter.watch("originals", look, keep_s=_KEEP_SUMS_S)


def watch_notifier(parts: Parts, database: Database) -> None:
    """Tell what the notifier owes."""
    look = _waiting(database, "notifications", deliveries.owed)
    parts.meter.watch("notifications", look, keep_s=KEEP_S)


def watch_sandbox(parts: Parts, process: str, sandbox: Sandbox) -> None:
    """Tell how busy a process's children are, and how they end."""

    async def look() -> Sequence[Reading]:
        seen = sandbox.occupancy()
        states = {
            metrics.SANDBOX_CHILDREN: seen.children,
            metrics.SANDBOX_WORKING: seen.working,
            metrics.SANDBOX_WAITING: seen.waiting,
            metrics.SANDBOX_RESTARTS: seen.restarts,
        }
        readings = [Reading(metric, value, (process,)) for metric, value in states.items()]
        readings += [
            Reading(metrics.SANDBOX_KILLS, count, (process, reason))
            for reason, count in seen.kills.items()
        ]
        if process == "worker":
            ratio = min(1.0, seen.working / sandbox.settings.children)
            readings.append(Reading(metrics.BUSY_RATIO, ratio))
        return readings

    parts.meter.watch(f"sandbox of {process}", look)


def watch_limiter(parts: Parts, limiter: Limiter) -> None:
    """Tell whom the gateway refused for coming too often."""

    async def look() -> Sequence[Reading]:
        return [Reading(metrics.RATE_REFUSALS, limiter.refused[who], (who,)) for who in COUNTED]

    parts.meter.watch("limits", look)


def _waiting(
    database: Database, topic: str, count: Callable[[Connection], tuple[int, float | None]]
) -> Look:
    """Look how much waits in a table, and since when the oldest of it does."""

    def unit(connection: Connection) -> Sequence[Reading]:
        waiting, oldest_at = count(connection)
        age_s = 0.0 if oldest_at is None else max(0.0, connection.now() - oldest_at)
        pairs: dict[Metric, float] = {metrics.TASKS_QUEUED: waiting, metrics.QUEUE_OLDEST: age_s}
        return [Reading(metric, value, (topic,)) for metric, value in pairs.items()]

    async def look() -> Sequence[Reading]:
        return await database.read(unit)

    return look


def _sum(database: Database, add_up: Callable[[Connection], int], bucket: str) -> Look:
    async def look() -> Sequence[Reading]:
        return [Reading(metrics.STORAGE_USED, await database.read(add_up), (bucket,))]

    return look
