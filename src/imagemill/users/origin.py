"""Where a request came from, and what is written down of what it did."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from fastapi import Request
from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import ADDRESS, Identity
from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection

Note = Callable[[Connection, AuditEntry], None]
"""Keep an entry in the transaction of what it tells of."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks for something, and from where."""

    address: str = ""
    """As the gateway saw it; empty for commands and for other processes."""
    account: str = ""
    """Empty for strangers."""
    key_id: str | None = None
    session: str | None = None

    def entry(
        self, action: str, subject: str = "", *, at: float, account: str | None = None
    ) -> AuditEntry:
        """Say what was done to what; `account` where who did it became known only then."""
        return AuditEntry(
            id=str(uuid.uuid4()),
            at=at,
            account=self.account if account is None else account,
            key_id=self.key_id,
            address=self.address,
            action=action,
            subject=subject,
            request_id=str(get_contextvars().get("request_id", "")),
        )


COMMAND = Origin(account="command line")
"""Whoever can run commands on the machine."""


def origin_of(request: Request, caller: Identity) -> Origin:
    """Tell where a request came from."""
    return Origin(
        address=request.headers.get(ADDRESS, ""),
        account=caller.account,
        key_id=caller.key_id,
        session=caller.session,
    )


def log_entry(_: Connection, entry: AuditEntry) -> None:
    """Write an entry into the log, where no audit log is kept."""
    _log.info("audit", **entry.model_dump(exclude={"request_id", "id"}))
