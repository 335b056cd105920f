"""Servers that several folders of tests share, each started once in a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that nobody stops."""
    with postgres_server() as running:
        yield running
