"""A users service in which everybody may make an account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.users.service import System, running


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """Give a service without mail."""
    async with running(tmp_path) as system:
        yield system


@pytest.fixture
async def mailed(tmp_path: Path) -> AsyncIterator[System]:
    """Give a service beside a notifier that sends mail."""
    async with running(tmp_path, mail=True) as system:
        yield system
