"""The jobs service asked as a worker asks it, so that a test can play one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.transport import SERVICE, Call, Receive, Reply, Scope, Send
from tests.chaos.parts import Parts

_WORKER = Identity(account="worker", scopes=frozenset({"service"}))


@dataclass(frozen=True)
class _Wire:
    """A `Transport` over HTTP without any patience: what goes wrong here is to be seen."""

    calls: httpx2.AsyncClient

    async def send(self, call: Call) -> Reply:
        headers = {**call.headers, SERVICE: "jobs"}
        sent = await self.calls.request(call.method, call.path, headers=headers, content=call.body)
        return Reply(sent.status_code, dict(sent.headers), sent.content)

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


@asynccontextmanager
async def as_worker(system: Parts) -> AsyncIterator[JobsClient]:
    """Give a worker's way to the jobs service of a running system."""
    signer = Signer((system.data / "service-key").read_bytes().strip())
    address = system.core.url
    async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30) as calls:
        yield JobsClient(ServiceClient(_Wire(calls), signer, _WORKER))
