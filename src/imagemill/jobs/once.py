"""Requests that carry an `Idempotency-Key`: what they made is made once, and told again."""

from __future__ import annotations

from typing import Any

from imagemill.idempotency.entry import Entry, entered, meaning_of
from imagemill.jobs.request import Wish
from imagemill.pipeline import normal

__all__ = ["Entry", "entered", "meaning_of", "written"]


def written(wish: Wish) -> dict[str, Any]:
    """Write a wish as JSON values that differ only where the wishes do."""
    return {
        "outputs": {name: normal(steps) if steps else [] for name, steps in wish.outputs.items()},
        "presets": {name: each.model_dump() for name, each in wish.presets.items()},
        "image_id": wish.image_id,
        "fresh": wish.fresh,
        "type": wish.type,
        "terms": wish.terms.model_dump(mode="json"),
    }
