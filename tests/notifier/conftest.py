"""A notifier that is ready."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.notifier.told import Told, telling


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    async with telling(tmp_path) as opened:
        yield opened
