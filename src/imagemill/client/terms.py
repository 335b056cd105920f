"""What work asks for itself, and what it is asked for: the words that jobs and batches share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagemill.client.answers import Priority

Steps = Sequence[Mapping[str, Any]]
"""A pipeline: steps such as `{"op": "resize", "width": 400}`."""
Outputs = Mapping[str, Steps | Mapping[str, Any]]
"""Named pipelines, or presets in their places: `{"preset": "card", "version": 2}`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job asks for itself; what is None is as the key or the server's settings say."""

    priority: Priority | None = None
    """Its lane; `normal` where none is named."""
    max_retries: int | None = None
    """Tries after the first, 0 to 20, when the error is one that may pass."""
    timeout_s: float | None = None
    """Seconds of work after which an attempt is killed, 1 to 3600."""
    deadline_s: float | None = None
    """Seconds from now in which it must end, waiting included; else it fails."""
    webhook_url: str | None = None
    """Where to tell of its end; of a batch's, once."""

    def fields(self) -> dict[str, Any]:
        """Give what is asked for, as fields of a request."""
        asked = {
            "priority": self.priority,
            "max_retries": self.max_retries,
            "timeout_s": self.timeout_s,
            "deadline_s": self.deadline_s,
            "webhook_url": self.webhook_url,
        }
        return {name: value for name, value in asked.items() if value is not None}


def named(idempotency_key: str | None) -> dict[str, str]:
    """Give the header by which a request is known when it is sent again; none without a key."""
    return {"Idempotency-Key": idempotency_key} if idempotency_key is not None else {}
