"""Who did what, to what, from where: written with the act, and handed to the users service."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import ADDRESS, Identity
from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection

Write = Callable[[Connection, AuditEntry], None]
"""Keep an entry where a service keeps its own, in the transaction of what it tells of."""
Note = Callable[[Connection, str], None]
"""Write down, in the transaction of an act, what it was done to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks for something, and from where."""

    address: str = ""
    """As the gateway saw it; empty for commands and for other processes."""
    account: str = ""
    """Empty for strangers."""
    key_id: str | None = None
    session: str | None = None
    request_id: str = ""
    """Told when the request came: a transaction runs in a thread that knows of no request."""

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
            request_id=self.request_id,
        )


def origin_of(request: Request, caller: Identity) -> Origin:
    """Tell where a request came from."""
    return Origin(
        address=request.headers.get(ADDRESS, ""),
        account=caller.account,
        key_id=caller.key_id,
        session=caller.session,
        request_id=current_request(),
    )


def current_request() -> str:
    """Give the id of the request that is being answered; empty outside of any."""
    return str(get_contextvars().get("request_id", ""))


def noting(request: Request, caller: Identity, action: str, write: Write) -> Note:
    """Give what notes that whoever sent a request did something."""
    origin = origin_of(request, caller)

    def note(connection: Connection, subject: str) -> None:
        write(connection, origin.entry(action, subject, at=connection.now()))

    return note
