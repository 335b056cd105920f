"""Services with a folder each and one sandbox for a whole module: starting it is half a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest_asyncio

from imagemill.contracts.identity import STRANGER
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from tests.uploads.asking import FOREIGNER, asking
from tests.uploads.service import Service, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(children=1)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def service(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Service]:
    async with running(tmp_path, sandbox) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def owner(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    async with asking(service) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    async with asking(service, STRANGER) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def foreigner(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    async with asking(service, FOREIGNER) as client:
        yield client
