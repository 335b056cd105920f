"""Which requests are done once when they come twice, for whoever sends them again."""

from __future__ import annotations

import re
from typing import Final

_ONE: Final = r"[^/]+"
_KEYED: Final = re.compile(
    "|".join(
        (
            "/(?:images|uploads|url)",
            # All that is made, and the short forms, one for each operation.
            "/api/v1/(?!accounts$)[a-z-]+",
            f"/api/v1/uploads/(?:presign|{_ONE}/complete)",
            f"/api/v1/(?:batches|dead-letters|jobs)/{_ONE}/replay",
            f"/api/v1/api-keys/{_ONE}/rotate",
            f"/api/v1/webhooks/{_ONE}/(?:rotate-secret|test)",
        )
    )
)


def is_keyed(method: str, path: str) -> bool:
    """Tell whether a route heeds an `Idempotency-Key`; others do what they do each time."""
    return method == "POST" and _KEYED.fullmatch(path) is not None
