"""What is found out about a request on its way, for the line and the numbers that tell of it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

ROUTE: Final = "x-imagemill-route"
"""Header in which a service tells the gateway which route took a request; it goes no further."""
OTHER: Final = "other"
"""Stands for a route where none took the request, or it was refused before."""
_NAME: Final = "imagemill.noted"


@dataclass(slots=True)
class Noted:
    """One request, as far as it has come."""

    route: str = OTHER
    """Template of its path, such as `/api/v1/jobs/{job_id}`."""
    account: str | None = None
    """Who calls; None where nobody was let in."""
    key_id: str | None = None


def noted(scope: MutableMapping[str, Any]) -> Noted:
    """Give what is known of a request; whoever has a copy of its scope has the same."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    found: Noted = state.setdefault(_NAME, Noted())
    return found
