"""Every table that moves, in an order in which no row names one that is not there yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imagemill.database import Connection
from imagemill.uploads.records import finding

Values = Mapping[str, Any]
"""A row by the names of its columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a database."""

    name: str
    key: tuple[str, ...]
    """Columns of its primary key, in order; none where it has one row, which migrations make."""
    numbered: str | None = None
    """The column whose numbers the database gives, each one greater than all before it."""
    after: Callable[[Connection, Sequence[Values]], None] | None = None
    """Writes what is derived from rows, in the transaction that copies them."""


def _index(connection: Connection, images: Sequence[Values]) -> None:
    """Let images be found by their words; those without a number are listed by a sweep later."""
    for row in images:
        if row["number"] is not None:
            tags, metadata = json.loads(row["tags"]), json.loads(row["metadata"])
            finding.index(connection, row, tags, metadata)


_IDEMPOTENCY: Final = Table("idempotency", ("owner", "key"))
_AUDIT_OUT: Final = Table("audit_out", ("id",))

TABLES: Final[Mapping[str, tuple[Table, ...]]] = {
    "notifications": (
        Table("places", ("log",)),
        Table("events", ("id",)),
        Table("deliveries", ("id",)),
        Table("attempts", ("delivery_id", "number")),
        Table("webhooks", ("id",)),
        Table("secrets", ("owner", "holder")),
        _IDEMPOTENCY,
    ),
    "jobs": (
        Table("jobs", ("id",)),
        Table("job_outputs", ("job_id", "position")),
        Table("results", ("storage_key",)),
        Table("events", ("seq",), numbered="seq"),
        Table("presets", ("owner", "name")),
        Table("preset_versions", ("owner", "name", "version")),
        Table("outbox", ("id",), numbered="id"),
        Table("turns", ("topic",)),
        Table("owners", ("owner",)),
        Table("attempts", ("job_id", "number")),
        Table("dead_letters", ("job_id",)),
        Table("batches", ("id",)),
        Table("batch_refusals", ("batch_id", "position")),
        _IDEMPOTENCY,
        Table("garbage", ("storage_key",)),
        Table("rebuilds", ("storage_key",)),
        Table("usage", ("owner", "month", "key_id")),
        _AUDIT_OUT,
        Table("waits", ("job_id", "image_id")),
        Table("public_results", ("job_id", "output")),
    ),
    "images": (
        Table("image_texts", ("image_id", "source")),
        # After the texts, which are among the words of their image.
        Table("images", ("id",), after=_index),
        Table("image_numbers", ()),
        _IDEMPOTENCY,
        Table("intakes", ("storage_key",)),
        Table("brought", ("image_id",)),
        Table("stored", ("owner", "key_id")),
        Table("usage", ("owner", "month", "key_id")),
        _AUDIT_OUT,
        Table("fetches", ("id",)),
        Table("events", ("seq",), numbered="seq"),
        Table("uploads", ("id",)),
        Table("chunks", ("storage_key",)),
    ),
    "users": (
        Table("accounts", ("id",)),
        Table("sessions", ("id",)),
        Table("familiar_addresses", ("account", "address")),
        Table("mail_tokens", ("sha256",)),
        Table("errands", ("id",)),
        Table("api_keys", ("id",)),
        _IDEMPOTENCY,
        Table("audit", ("id",)),
    ),
}
"""By database. The queue is not among them: what it held is announced again from the jobs."""
