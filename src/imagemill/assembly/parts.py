"""What the processes of one installation share: adapters, ways to each other, and their ends."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
)
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from imagemill.assembly.addresses import address_of
from imagemill.assembly.databases import open_database
from imagemill.assembly.key_files import ring, secret
from imagemill.assembly.queues import open_queue
from imagemill.assembly.storages import open_storage
from imagemill.backup import removing
from imagemill.breaker import Breaker, BreakerSettings, Seen
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.remote import Remote
from imagemill.contracts.replicas import Replicas
from imagemill.contracts.transport import ASGIApp, InMemory, Later, Transport
from imagemill.database import Database
from imagemill.database.measured import MeasuredDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import Unavailable
from imagemill.faults import Faults
from imagemill.processes import BY_NAME
from imagemill.queue import Queue
from imagemill.settings import SERVICE_KEY, URL_KEYS, Settings
from imagemill.signing import UrlSigner
from imagemill.storage.guarded import GuardedStorage
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.tracing import Tracing
from imagemill.tls import PLAIN, Tls
from imagemill.web.links import FileLinks

_QUEUING: Final = frozenset({"jobs", "worker"})
_STORING: Final = frozenset({"uploads", "jobs", "worker"})
"""Processes that open the queue, and the objects."""


@dataclass
class Parts:
    """What the processes of one installation share, made when first asked for."""

    settings: Settings
    opened: AsyncExitStack
    faults: Faults = field(default_factory=Faults.none)
    wanted: tuple[str, ...] = ()
    """Names of the processes that run in this one."""
    meter: Meter = field(default_factory=Meter)
    tracing: Tracing = field(default_factory=Tracing)
    apps: dict[str, ASGIApp] = field(default_factory=dict)
    loops: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    starts: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What engines that are opened do before anything is asked of them."""
    ends: list[Callable[[], None]] = field(default_factory=list)
    drains: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    is_leaving: bool = False
    """Whether this process was told to stop, and should be asked nothing new."""
    sandboxes: list[Sandbox] = field(default_factory=list)
    admin_key: str = ""
    tls: Tls = PLAIN
    asked_later: list[str] = field(default_factory=list)
    _signer: Signer | None = None
    _url_signer: UrlSigner | None = None
    _queue: Queue | None = None
    _storage: GuardedStorage | None = None
    _remotes: dict[str, Transport] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    async def leave(self) -> None:
        """End in good order: no longer ready, work in hand ended or given back, callers let go."""
        self.is_leaving = True
        await asyncio.gather(*(drain() for drain in self.drains))
        for end in self.ends:
            end()

    def removing(self) -> AbstractContextManager[bool]:
        """Hold backups off for a block that removes objects; False while one runs.

        A backup copies the objects of a data folder, and of no other storage.
        """
        if self.settings.storage.url:
            return nullcontext(enter_result=True)
        return removing(self.settings.data)

    def is_data_needed(self, processes: Iterable[str]) -> bool:
        """Tell whether these processes keep anything in the data folder."""
        settings, names = self.settings, set(processes)
        owned = [owns for each in names if (owns := BY_NAME[each].owns)]
        return (
            settings.keys_folder is None
            or any(not settings.database.url_of(each) for each in owned)
            or (bool(names & _QUEUING) and not _is_queue_elsewhere(settings))
            or (bool(names & _STORING) and not settings.storage.url)
        )

    @property
    def signer(self) -> Signer:
        """Give what signs and checks identities between services."""
        if self._signer is None:
            self._signer = Signer(self._service_key())
        return self._signer

    def secret(self, purpose: str) -> bytes:
        """Derive a secret that all processes of this installation share, for one purpose alone."""
        return hmac.digest(self._service_key(), f"imagemill.{purpose}".encode(), hashlib.sha256)

    def _service_key(self) -> bytes:
        return secret(self.settings, SERVICE_KEY).encode()

    @property
    def url_signer(self) -> UrlSigner:
        """Give what signs URLs and checks them."""
        if self._url_signer is None:
            self._url_signer = UrlSigner(ring(self.settings, URL_KEYS).live(), time.time)
        return self._url_signer

    @property
    def links(self) -> FileLinks:
        """Give what makes links to files, under the address that is public."""
        return FileLinks(address_of(self.settings), self.url_signer)

    @property
    def storage(self) -> GuardedStorage:
        """Give the objects of this installation."""
        if self._storage is None:
            self._storage = GuardedStorage(
                open_storage(self),
                reading=self.breaker("storage.read"),
                writing=self.breaker("storage.write"),
            )
        return self._storage

    @property
    def is_synced(self) -> bool:
        """Tell whether a promise is to outlive a power cut."""
        return self.settings.durability == "synced"

    def _short(self, name: str) -> Breaker:
        """Make a breaker whose rests do not grow: asking once more costs a refused connection."""
        settings = self.settings.breaker
        return self.breaker(name, settings.model_copy(update={"longest_rest_s": settings.rest_s}))

    def breaker(self, name: str, settings: BreakerSettings | None = None) -> Breaker:
        """Make the breaker of a part, which health tells of by `name`."""
        breaker = Breaker(
            name,
            settings or self.settings.breaker,
            jitter=lambda rest_s: rest_s * random.uniform(0.8, 1.0),  # noqa: S311 - no secret
        )
        self._breakers[name] = breaker
        return breaker

    def breakers(self) -> dict[str, Any]:
        """Tell how the breakers of this process stand, for its health."""
        return {name: asdict(each) for name, each in self.breakers_seen().items()}

    def breakers_seen(self) -> dict[str, Seen]:
        """Tell how the breakers of this process stand."""
        return {name: each.seen() for name, each in self._breakers.items()}

    async def queue(self) -> Queue:
        """Give the queue, started."""
        if self._queue is None:
            self._queue = await open_queue(self)
        return self._queue

    def database(self, name: str) -> Database:
        """Open a database by the name of what it holds."""
        return MeasuredDatabase(open_database(self, name), name, self.meter)

    async def sandbox(self, children: int | None = None) -> Sandbox:
        """Start a sandbox, of so many children or as the settings say."""
        settings = self.settings.sandbox
        if children is not None:
            settings = settings.model_copy(update={"children": children})
        sandbox = await self.opened.enter_async_context(Sandbox(settings))
        self.sandboxes.append(sandbox)
        return sandbox

    def transport(self, service: str) -> Transport:
        """Reach a service in memory where it runs here, over HTTP where it does not."""
        if service in self.apps:
            return InMemory(self.apps[service])
        if service not in self._remotes:
            self._remotes[service] = self._far(service)
        return self._remotes[service]

    def _far(self, service: str) -> Transport:
        """Reach a service at its address, or at one of several."""
        addresses = self.settings.peers.addresses(service)
        tls = self.tls.calling.context if self.tls.calling else None
        if len(addresses) == 1:
            return self._closing(Remote(service, addresses[0], self.breaker(service), tls=tls))
        remotes = [
            self._closing(
                Remote(service, each, self._short(f"{service}.{number}"), tries=1, tls=tls)
            )
            for number, each in enumerate(addresses, start=1)
        ]
        return Replicas(remotes)

    def _closing(self, remote: Remote) -> Remote:
        self.opened.push_async_callback(remote.close)
        return remote

    def client(self, service: str, asking: str) -> ServiceClient:
        """Make a client of a service for the process that asks."""
        identity = Identity(account=asking, scopes=frozenset({"service"}))
        return ServiceClient(self.transport(service), self.signer, identity)

    def is_known(self, service: str) -> bool:
        """Tell whether a service runs in this process or has an address."""
        return service in self.wanted or bool(getattr(self.settings.peers, service))

    def later(self, service: str, asking: str) -> ServiceClient:
        """Make a client of a service that starts after whoever asks it."""
        self.asked_later.append(service)
        identity = Identity(account=asking, scopes=frozenset({"service"}))
        return ServiceClient(Later(lambda: self.transport(service)), self.signer, identity)


def make_private(folder: Path) -> None:
    """Make a folder that nobody else on the machine can look into; leave one that is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The folder {folder} cannot be made ({error.strerror}).") from error


def _is_queue_elsewhere(settings: Settings) -> bool:
    """Tell whether messages lie with a broker, or where the rows do and that is no file."""
    return bool(settings.queue.url.get_secret_value() or settings.database.url.get_secret_value())
