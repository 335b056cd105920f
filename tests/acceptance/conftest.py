"""One running system for all tests that leave it as they found it, and a client to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.acceptance.cluster import clustered
from tests.acceptance.system import System, eventually, started


@pytest.fixture(scope="session")
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Give the whole program, running; shared, so a test must not harm it.

    With `--cluster` it is two of each process behind nginx, to those who ask over HTTP.
    """
    folder = tmp_path_factory.mktemp("system")
    if request.config.getoption("cluster"):
        given = dict(each.split("=", 1) for each in request.config.getoption("engine"))
        with clustered(folder, given, is_front_tls=False) as many:
            yield cast("System", many)
        return
    with started(folder / "data") as running:
        yield running


@pytest.fixture(scope="session")
def shared_api(system: System) -> Iterator[API]:
    with API(system) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture
def api(system: System, shared_api: API) -> Iterator[API]:
    """Give a client with a key; the system must be as well after the test as it was before."""
    pid = system.pid
    yield shared_api
    assert shared_api.is_ready(), system.said()[-2000:]
    assert system.is_running
    assert system.pid == pid


@pytest.fixture
def photo() -> bytes:
    """Give a JPEG of 64 x 48 pixels that nobody has seen before."""
    return pictures.jpeg()


@pytest.fixture
def image_id(api: API, photo: bytes) -> str:
    """Give an image of 64 x 48 pixels that is kept."""
    return str(api.upload(photo)["image_id"])
