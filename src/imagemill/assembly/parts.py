"""What the processes of one installation share: adapters, ways to each other, and their ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
)
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from imagemill import keys
from imagemill.backup import removing
from imagemill.backup.places import database_file, objects_folder
from imagemill.breaker import Breaker
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.remote import Remote
from imagemill.contracts.transport import ASGIApp, InMemory, Later, Transport
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.faults import Faults
from imagemill.queue.sql import SQLQueue
from imagemill.settings import Settings
from imagemill.signing import UrlSigner
from imagemill.storage.guarded import GuardedStorage
from imagemill.storage.local import LocalStorage
from imagemill.web.links import FileLinks


@dataclass
class Parts:
    """What the processes of one installation share, made when first asked for."""

    settings: Settings
    opened: AsyncExitStack
    faults: Faults = field(default_factory=Faults.none)
    apps: dict[str, ASGIApp] = field(default_factory=dict)
    loops: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    ends: list[Callable[[], None]] = field(default_factory=list)
    drains: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    is_leaving: bool = False
    """Whether this process was told to stop, and should be asked nothing new."""
    sandboxes: list[Sandbox] = field(default_factory=list)
    admin_key: str = ""
    asked_later: list[str] = field(default_factory=list)
    _signer: Signer | None = None
    _url_signer: UrlSigner | None = None
    _queue: SQLQueue | None = None
    _storage: GuardedStorage | None = None
    _remotes: dict[str, Remote] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    async def leave(self) -> None:
        """End in good order: no longer ready, work in hand ended or given back, callers let go."""
        self.is_leaving = True
        await asyncio.gather(*(drain() for drain in self.drains))
        for end in self.ends:
            end()

    def removing(self) -> AbstractContextManager[bool]:
        """Hold backups off for a block that removes objects; False while one runs."""
        return removing(self.settings.data)

    @property
    def signer(self) -> Signer:
        """Give what signs and checks identities between services."""
        if self._signer is None:
            path = self.settings.service_key_file or self.settings.data / "service-key"
            self._signer = Signer(keys.read_or_make(path).encode())
        return self._signer

    @property
    def url_signer(self) -> UrlSigner:
        """Give what signs and checks URLs."""
        if self._url_signer is None:
            key = keys.read_or_make(self.settings.data / "url-key").encode()
            key_id = hashlib.sha256(key).hexdigest()[:8]
            self._url_signer = UrlSigner({key_id: key}, time.time)
        return self._url_signer

    @property
    def links(self) -> FileLinks:
        """Give what makes links to files, under the address that is public."""
        host, port = self.settings.host, self.settings.port
        here = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return FileLinks(self.settings.public_url or here, self.url_signer)

    @property
    def storage(self) -> GuardedStorage:
        """Give the objects of this installation."""
        if self._storage is None:
            sync = os.fsync if self._is_synced else _leave_unsynced
            root = objects_folder(self.settings.data)
            local = LocalStorage(root, sync=sync, faults=self.faults)
            self.opened.push_async_callback(local.close)
            self._storage = GuardedStorage(
                local,
                reading=self._breaker("storage.read"),
                writing=self._breaker("storage.write"),
            )
        return self._storage

    @property
    def _is_synced(self) -> bool:
        return self.settings.durability == "synced"

    def _breaker(self, name: str) -> Breaker:
        breaker = Breaker(
            name,
            self.settings.breaker,
            jitter=lambda rest_s: rest_s * random.uniform(0.8, 1.0),  # noqa: S311 - no secret
        )
        self._breakers[name] = breaker
        return breaker

    def breakers(self) -> dict[str, Any]:
        """Tell how the breakers of this process stand, for its health."""
        return {name: asdict(each.seen()) for name, each in self._breakers.items()}

    async def queue(self) -> SQLQueue:
        """Give the queue, started."""
        if self._queue is None:
            self._queue = SQLQueue(self.database("queue"), self.settings.queue.lease_s)
            await self._queue.start()
            self.opened.push_async_callback(self._queue.close)
        return self._queue

    def database(self, name: str) -> SQLiteDatabase:
        """Open a database by the name of what it holds."""
        path = database_file(self.settings.data, name)
        database = SQLiteDatabase(path, synced=self._is_synced)
        self.opened.push_async_callback(database.close)
        return database

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
            address = getattr(self.settings.peers, service)
            remote = Remote(service, address, self._breaker(service))
            self.opened.push_async_callback(remote.close)
            self._remotes[service] = remote
        return self._remotes[service]

    def client(self, service: str, asking: str) -> ServiceClient:
        """Make a client of a service for the process that asks."""
        identity = Identity(account=asking, scopes=frozenset({"service"}))
        return ServiceClient(self.transport(service), self.signer, identity)

    def later(self, service: str, asking: str) -> ServiceClient:
        """Make a client of a service that starts after whoever asks it."""
        self.asked_later.append(service)
        identity = Identity(account=asking, scopes=frozenset({"service"}))
        return ServiceClient(Later(lambda: self.transport(service)), self.signer, identity)


def _leave_unsynced(_: int) -> None:
    """Leave it to the kernel when a file reaches the disk."""
