"""How each process starts: settings become adapters, and adapters become services."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
import uuid
from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from functools import partial
from typing import Final

from imagemill import __version__
from imagemill.assembly.accounts import start_users
from imagemill.assembly.counting import shared
from imagemill.assembly.health import (
    jobs_health,
    notifier_health,
    uploads_health,
    worker_health,
)
from imagemill.assembly.hearing import hearing
from imagemill.assembly.hooks import hooks_of
from imagemill.assembly.parts import Parts
from imagemill.assembly.telling import Means, in_turn, telling_of
from imagemill.assembly.watching import (
    watch_jobs,
    watch_limiter,
    watch_notifier,
    watch_sandbox,
    watch_uploads,
)
from imagemill.audit.forwarding import Forwarding
from imagemill.contracts.health import Peer
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.transport import ASGIApp, Transport
from imagemill.contracts.uploads import UploadsClient
from imagemill.contracts.users import UsersClient
from imagemill.database import Database
from imagemill.egress.client import Egress
from imagemill.engine.edition import edition
from imagemill.gateway.door import Door
from imagemill.gateway.following import Following
from imagemill.gateway.limiting import limiter
from imagemill.gateway.origins import Origins
from imagemill.gateway.service import Gateway
from imagemill.gateway.turnstile import Turnstile
from imagemill.jobs.bells import Bells
from imagemill.jobs.ledger import Bounds, Ledger
from imagemill.jobs.lending import Lending
from imagemill.jobs.quota import Quota
from imagemill.jobs.relay import Relay
from imagemill.jobs.routes import app_of as jobs_app
from imagemill.jobs.service import Jobs
from imagemill.jobs.settings import JobsSettings
from imagemill.jobs.states import Patience
from imagemill.jobs.sweep import Sweeper
from imagemill.jobs.waiting import Waiting
from imagemill.notifier.broadcast import Broadcast
from imagemill.notifier.letters import forget_said
from imagemill.notifier.logs import ImagesLog, JobsLog
from imagemill.notifier.service import Notifier
from imagemill.processes import BY_NAME, Process
from imagemill.telemetry.instruments import Instruments
from imagemill.uploads.routes import app_of as uploads_app
from imagemill.uploads.service import Uploads
from imagemill.web import service_app
from imagemill.web.health import tell_health
from imagemill.web.watching import metrics_of
from imagemill.worker.service import Worker

_PROBES_AT_ONCE: Final = 2
"""Children of uploads: a probe reads a header, and two already outrun the disk."""


async def _start_uploads(parts: Parts) -> ASGIApp:
    sandbox = await parts.sandbox(min(_PROBES_AT_ONCE, parts.settings.sandbox.children))
    uploads = Uploads(
        database=parts.database("images"),
        storage=parts.storage,
        sandbox=sandbox,
        jobs=JobsClient(parts.later("jobs", "uploads")),
        signer=parts.signer,
        url_signer=parts.url_signer,
        settings=parts.settings.uploads,
        removing=parts.removing,
        limits=parts.settings.limits,
        rules=parts.settings.egress.rules,
        links=parts.links,
    )
    await uploads.start()
    parts.loops += [
        uploads.sweep,
        uploads.fetch,
        hearing(uploads.database, uploads.heard),
        _forwarding(parts, uploads.database, "uploads").run,
    ]
    parts.ends.append(uploads.stop_waiting)
    parts.ends.append(uploads.turns.end_all)
    watch_uploads(parts, uploads.database)
    watch_sandbox(parts, "uploads", sandbox)
    app = uploads_app(uploads)
    tell_health(app, uploads_health(parts, sandbox, uploads.database))
    return app


async def _start_jobs(parts: Parts) -> ASGIApp:
    settings, database, bells = (
        parts.settings.jobs,
        parts.database("jobs"),
        Bells(meter=parts.meter),
    )
    queue, storage = await parts.queue(), parts.storage
    ledger = _ledger(settings)
    jobs = Jobs(
        database=database,
        storage=storage,
        uploads=UploadsClient(parts.client("uploads", "jobs")),
        signer=parts.signer,
        ledger=ledger,
        bells=bells,
        settings=settings,
        engine=edition(),
        links=parts.links,
        check_url=Egress(parts.settings.egress.rules).check,
    )
    await jobs.start()
    waiting = Waiting(jobs)
    watch_jobs(parts, database, queue)
    relay = Relay(database, queue, bells, parts.faults, meter=parts.meter, tracing=parts.tracing)
    sweeper = Sweeper(
        database,
        queue,
        storage,
        ledger,
        bells,
        settings,
        removing=parts.removing,
        holder=str(uuid.uuid4()),
    )
    parts.loops += [
        relay.run,
        sweeper.run,
        waiting.ask,
        waiting.listen,
        hearing(database, bells.heard),
        _forwarding(parts, database, "jobs").run,
    ]
    parts.drains.append(sweeper.leave)
    parts.ends.append(jobs.stop_waiting)
    lending = Lending(database, ledger, bells, settings, parts.settings.limits)
    app = jobs_app(jobs, lending, parts.faults)
    tell_health(app, jobs_health(parts, database, queue))
    return app


def _forwarding(parts: Parts, database: Database, service: str) -> Forwarding:
    """Make what hands a service's entries of the audit log over."""
    return Forwarding(database, UsersClient(parts.client("users", service)))


def _ledger(settings: JobsSettings) -> Ledger:
    return Ledger(
        patience=Patience().with_retries(settings.max_retries),
        bounds=Bounds(settings.max_unfinished_per_owner, settings.max_unfinished),
        new_id=lambda: str(uuid.uuid4()),
        jitter=lambda pause_s: pause_s * random.uniform(0.5, 1.5),  # noqa: S311 - no secret
        quota=Quota(settings.max_monthly_jobs_per_owner),
    )


async def _start_worker(parts: Parts) -> ASGIApp:
    sandbox, queue = await parts.sandbox(), await parts.queue()
    jobs = JobsClient(parts.client("jobs", "worker"))
    parts.opened.push_async_callback(jobs.close)
    worker = Worker(
        name=f"{os.uname().nodename}-{os.getpid()}",
        jobs=jobs,
        queue=queue,
        storage=parts.storage,
        sandbox=sandbox,
        hands=parts.settings.sandbox.children + parts.settings.worker.prefetch,
        faults=parts.faults,
        grace_s=parts.settings.worker.grace_s,
        meter=parts.meter,
        tracing=parts.tracing,
    )
    watch_sandbox(parts, "worker", sandbox)
    parts.loops.append(worker.run)
    parts.drains.append(worker.drain)
    app = service_app("Imagemill worker", parts.signer)
    tell_health(app, worker_health(parts, sandbox, queue))
    return app


async def _start_notifier(parts: Parts) -> ASGIApp:
    database, bell = parts.database("notifications"), asyncio.Event()
    jobs = JobsClient(parts.client("jobs", "notifier"))
    uploads = UploadsClient(parts.client("uploads", "notifier"))
    hooks = hooks_of(parts.settings, database, bell)
    telling = telling_of(parts, Means(database, jobs, bell, parts.links))
    notifier = Notifier(
        database=database,
        signer=parts.signer,
        logs=[
            JobsLog(jobs, parts.links.base),
            ImagesLog(uploads, parts.links.base),
        ],
        wanted=[hooks.wanted, telling.people],
        channels={**hooks.channels, **telling.channels},
        settings=parts.settings.notifier,
        chance=lambda: random.uniform(-1, 1),  # noqa: S311 - no secret
        aftermath=in_turn(hooks.aftermath, forget_said),
        bell=bell,
        faults=parts.faults,
        instruments=Instruments(parts.meter, parts.tracing),
    )
    await notifier.start()
    watch_notifier(parts, database)
    parts.loops += [notifier.run, hearing(database, lambda _: bell.set())]
    if parts.settings.notifier.publish_events:
        parts.loops.append(Broadcast(jobs, database, await parts.queue()).run)
    app = notifier.app()
    hooks.answer(app)
    telling.answer(app, notifier)
    tell_health(app, notifier_health(parts, notifier, telling))
    return app


async def _start_gateway(parts: Parts) -> ASGIApp:
    users = UsersClient(parts.client("users", "gateway"))
    settings = parts.settings.gateway
    rates, cache = shared(parts, settings)
    following = Following()
    parts.ends.append(following.end)
    limits = limiter(rates, settings)
    watch_limiter(parts, limits)
    return Gateway(
        door=Door(users, cache, settings.identity_cache_s),
        limiter=limits,
        origins=Origins(settings.cors_origins),
        trusted=[ipaddress.ip_network(each) for each in settings.trusted_proxies],
        signer=parts.signer,
        peers={name: Peer(parts.client(name, "gateway")) for name in _known_peers(parts)},
        needs=BY_NAME["gateway"].asks,
        routes=_routes(parts, BY_NAME.values()),
        open_paths=frozenset(path for each in BY_NAME.values() for path in each.opens),
        version=__version__,
        breakers=parts.breakers,
        is_leaving=lambda: parts.is_leaving,
        metrics=partial(metrics_of, parts.meter),
        turnstile=Turnstile(settings.large_bodies_at_once),
        following=following,
    )


STARTS: Final[Mapping[str, Callable[[Parts], Awaitable[ASGIApp]]]] = {
    "users": start_users,
    "uploads": _start_uploads,
    "jobs": _start_jobs,
    "worker": _start_worker,
    "notifier": _start_notifier,
    "gateway": _start_gateway,
}
ORDER: Final = tuple(STARTS)
"""A process starts after those that it asks; only uploads asks one that starts after it."""


def _known_peers(parts: Parts) -> list[str]:
    """List the services that run here or have an address."""
    peers = parts.settings.peers.model_dump()
    return [name for name in ORDER if name in parts.apps or peers.get(name)]


def _routes(parts: Parts, processes: Iterable[Process]) -> dict[str, Transport]:
    """Tell who answers what; a service that has no address (the notifier) answers nothing."""
    known = _known_peers(parts)
    found = [each for each in processes if each.name in known]
    return {prefix: parts.transport(each.name) for each in found for prefix in each.answers}
