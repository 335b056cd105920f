"""The uploads service in this process: real database, storage and sandbox, asked as others do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from tests.uploads.service import Service, running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(children=2)) as opened:
        yield opened


@pytest.fixture
async def service(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Service]:
    async with running(tmp_path, sandbox) as opened:
        yield opened


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service whose sandbox was not started, for images that are put there as they are."""
    async with running(tmp_path, Sandbox(SandboxSettings(children=1))) as opened:
        yield opened
