"""Schemas of the PostgreSQL of a test run: each test has its own."""

from __future__ import annotations

import uuid

from imagemill.database.postgres import Place
from tests.peers.postgres import PostgresServer


def place(server: PostgresServer, name: str = "") -> Place:
    """Name a schema that nobody else uses, or one by its name; who migrates it makes it."""
    return Place(server.url, name or f"t_{uuid.uuid4().hex[:12]}", connections=2)
