"""A notifier that is ready."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.notifier.hooked import Hooked, hooked
from tests.notifier.receiver import Receiver, receiving
from tests.notifier.told import Told, telling


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    async with telling(tmp_path) as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
async def hooks(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Hooked]:
    async with hooked(tmp_path, receiver.port) as opened:
        yield opened
