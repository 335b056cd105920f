"""One running system of little patience, and clients that are as bad as they like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.acceptance.system import System, eventually, started

IMPATIENT = {
    "gateway_head_s": "1",
    "gateway_slow_s": "1",
    "gateway_max_connections": "60",
    "gateway_max_connections_per_address": "30",
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give the whole program, running; shared, so a test must not harm it."""
    with started(tmp_path_factory.mktemp("attacked") / "data", settings=IMPATIENT) as running:
        yield running


@pytest.fixture(scope="session")
def shared_api(system: System) -> Iterator[API]:
    with API(system) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture
def api(system: System, shared_api: API) -> Iterator[API]:
    """Give a decent client; the system must be as well after the test as it was before."""
    yield shared_api
    assert shared_api.is_ready(), system.said()[-2000:]


@pytest.fixture
def photo() -> bytes:
    """Give a JPEG that nobody has seen before."""
    return pictures.jpeg(400, 300)
