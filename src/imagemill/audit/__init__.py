"""Who did what, to what, from where: written with the act, and handed to the users service."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from fastapi import Request
from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import ADDRESS, Identity
from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection

Write = Callable[[Connection, AuditEntry], None]
"""Keep an entry where a service keeps its own."""
Note = Callable[[Connection, str], None]
"""Write down, in the transaction of an act, what it was done to."""


def noting(request: Request, caller: Identity, action: str, write: Write) -> Note:
    """Give what notes that whoever sent a request did something."""
    address = request.headers.get(ADDRESS, "")
    request_id = str(get_contextvars().get("request_id", ""))

    def note(connection: Connection, subject: str) -> None:
        entry = AuditEntry(
            id=str(uuid.uuid4()),
            at=connection.now(),
            account=caller.account,
            key_id=caller.key_id,
            address=address,
            action=action,
            subject=subject,
            request_id=request_id,
        )
        write(connection, entry)

    return note
