"""Object stores that a test run starts once, when the first test asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers import azurite as azure
from tests.peers.moto import MotoServer, moto_server
from tests.peers.rgw import RGW, rgw_server


@pytest.fixture(scope="session")
def rgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RGW]:
    """Give Ceph's object gateway; its tests belong to one process (`server_mark("rgw")`)."""
    with rgw_server(tmp_path_factory.mktemp("rgw")) as running:
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    """Give AWS as moto plays it; shared, so nobody resets or stops it."""
    with moto_server() as running:
        yield running


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure.Azurite]:
    """Give Azure's blob storage as Azurite plays it."""
    with azure.azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running
