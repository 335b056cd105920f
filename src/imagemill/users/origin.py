"""Where what is done to accounts comes from besides requests, and where it is written down."""

from __future__ import annotations

from typing import Final

import structlog

from imagemill.audit import Origin
from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection

_log = structlog.get_logger(__name__)

COMMAND: Final = Origin(account="command line")
"""Whoever can run commands on the machine."""


def log_entry(_: Connection, entry: AuditEntry) -> None:
    """Write an entry into the log, where no audit log is kept."""
    _log.info("audit", **entry.model_dump(exclude={"request_id", "id"}))
