"""Where a service's schema is, how it is reached, and how long anybody waits for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.rows import dict_row
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

Raw = psycopg.Connection[dict[str, Any]]

_PREPARE_AFTER: Final = 2
"""Runs of a statement after which the server keeps its plan."""
_MOST_PREPARED: Final = 500
"""Plans that a connection keeps."""
_KEEPALIVE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server whose machine is gone is noticed within 25 s."""


_SHORT_LOCK_S: Final = 2.0
"""How long a migration waits for a table; meanwhile nobody else reads or writes it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One schema of one PostgreSQL."""

    conninfo: str
    """As libpq takes it, the password included: it is never shown."""
    schema: str
    connections: int = 4
    """Connections for reading at most; writing and hearing take one each."""
    connect_timeout_s: float = 5.0
    lock_timeout_s: float = 10.0
    statement_timeout_s: float = 30.0
    migration_s: float = 300.0
    """How long a migration tries again while somebody, such as `pg_dump`, holds its tables."""

    @property
    def lock(self) -> int:
        """Give the number of the lock that whoever writes into the schema holds."""
        digest = hashlib.sha256(f"imagemill.{self.schema}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    @property
    def channel(self) -> str:
        """Name the channel on which notices about the schema go."""
        return f"imagemill.{self.schema}"

    @property
    def arguments(self) -> dict[str, Any]:
        """Give what a connection is opened with, besides the address."""
        # libpq waits for whole seconds, and at least two.
        seconds = max(2, round(self.connect_timeout_s))
        return {"autocommit": True, "connect_timeout": seconds, **_KEEPALIVE}

    def session(self, *, hurry: bool = True) -> str:
        """Write what every connection sets first.

        Without `hurry` a statement may take any time, and waits a short time only for the locks of
        others: everybody who comes later waits behind it.
        """
        lock_s = self.lock_timeout_s if hurry else min(self.lock_timeout_s, _SHORT_LOCK_S)
        lock_ms = int(lock_s * 1000)
        statement_ms = int(self.statement_timeout_s * 1000) if hurry else 0
        schema = sql.Identifier(self.schema).as_string(None)
        # One that stands still inside a transaction would keep all others from writing.
        idle_ms = statement_ms
        return (
            f"SET search_path = {schema}; SET lock_timeout = {lock_ms}; "
            f"SET statement_timeout = {statement_ms}; SET client_min_messages = warning; "
            f"SET idle_in_transaction_session_timeout = {idle_ms}"
        )

    def connect(self, *, hurry: bool = True) -> Raw:
        """Open a connection; raises `psycopg.Error`."""
        raw = psycopg.Connection.connect(self.conninfo, row_factory=dict_row, **self.arguments)
        self.configure(raw, hurry=hurry)
        return raw

    def configure(self, raw: Raw, *, hurry: bool = True) -> None:
        """Make a new connection one of this place."""
        raw.prepare_threshold = _PREPARE_AFTER
        raw.prepared_max = _MOST_PREPARED
        use_types(raw.adapters)
        raw.execute(self.session(hurry=hurry).encode())


class _Number(Loader):
    """Read a sum of integers as the integer that it is."""

    def load(self, data: Buffer) -> float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


def use_types(adapters: AdaptersMap) -> None:
    """Let every parameter of a statement have the same type each time, so that plans are kept."""
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(str, StrDumper)
    adapters.register_loader("numeric", _Number)
