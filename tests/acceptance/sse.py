"""Server-sent events as a client reads them."""

from __future__ import annotations

import json

from tests.acceptance.api import JSON


def events_of(text: str) -> list[JSON]:
    """Read the data of each server-sent event, with its id as the stream wrote it."""
    blocks = [block for block in text.split("\n\n") if "data:" in block]
    return [_event(block) for block in blocks]


def _event(block: str) -> JSON:
    lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
    data: JSON = json.loads(lines["data"])
    assert (lines["id"], lines["event"]) == (str(data["id"]), data["type"])
    return data
