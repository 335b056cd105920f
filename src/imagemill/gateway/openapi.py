"""One OpenAPI document from those of all services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_ABOUT = """\
Hand over a picture and a pipeline of operations, get a job id at once, and be told when the
results are ready. Every error is an RFC 9457 problem with a stable `code`.
"""


def merged(version: str, documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Join the services' documents and say how callers identify themselves."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for document in documents:
        paths |= document.get("paths", {})
        schemas |= document.get("components", {}).get("schemas", {})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Imagemill", "version": version, "description": _ABOUT},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"key": []}, {"bearer": []}],
    }
