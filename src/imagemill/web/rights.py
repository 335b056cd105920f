"""Which scope a route asks for: one table over the tags of routes, so that none is forgotten.

A route that OpenAPI shows with `security: []` is open to strangers. One that lists the scheme
`signature`, or `{}`, lets them in as well and decides by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi.routing import APIRoute

from imagemill.contracts.scopes import ADMINISTER, OPERATE

_NOUNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "images": "images",
        "uploads": "images",
        "jobs": "jobs",
        "batches": "jobs",
        "dead letters": "jobs",
        "operations": "jobs",
        "documents": "jobs",
        "presets": "presets",
        "webhooks": "webhooks",
        "keys": "keys",
        "usage": "keys",
        "account": "account",
    }
)
"""What a tag's routes are about, as scopes call it."""
_WHOLE: Final[Mapping[str, str]] = MappingProxyType({"operators": OPERATE, "admins": ADMINISTER})
"""Tags whose routes ask for one scope, whatever the method."""
_READING: Final = frozenset({"GET", "HEAD"})
SIGNATURE: Final = "signature"
"""Security scheme of routes that a signed URL opens."""


def is_open(route: object) -> bool:
    """Tell whether a route lets strangers in; what is no route of OpenAPI's does not."""
    security = _security(route)
    if security is None:
        return False
    return not security or any(not each or SIGNATURE in each for each in security)


def scope_of(route: object, method: str) -> str | None:
    """Tell the scope that a request needs; None for open routes and between processes.

    Raises `LookupError` for a route whose tag is in no table, which is a mistake of ours.
    """
    if not isinstance(route, APIRoute) or not route.include_in_schema or _security(route) == []:
        return None
    tag = str(route.tags[0])
    if tag in _WHOLE:
        return _WHOLE[tag]
    return f"{_NOUNS[tag]}:{'read' if method in _READING else 'write'}"


def _security(route: object) -> list[dict[str, Any]] | None:
    if not isinstance(route, APIRoute):
        return None
    security: list[dict[str, Any]] | None = (route.openapi_extra or {}).get("security")
    return security
