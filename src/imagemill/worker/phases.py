"""What a child did when, as it tells; and what an output is called in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagemill.engine.orders import Answer
from imagemill.telemetry.tracing import Phase


def phases_of(answer: Answer) -> Iterator[Phase]:
    """Read the phases of a render: decoding, then each output's steps and its encoding.

    libvips works on demand: what is decoded while it is encoded counts as encoding.
    """
    decoded_ms = answer.opened_ms + answer.decoded_ms
    yield _phase("image.decode", answer.opened_ms, decoded_ms)
    for made in answer.outputs.values():
        encodes_at = made.began_ms + made.steps_ms
        yield _phase("image.steps", made.began_ms, encodes_at)
        yield _phase("image.encode", encodes_at, made.began_ms + made.milliseconds)


def operation_of(steps: Sequence[Mapping[str, Any]]) -> str:
    """Name an output after its operation, the encoding at its end apart; `pipeline` for several."""
    names = [str(step["op"]) for step in steps]
    changes = names[:-1] or names
    return changes[0] if len(changes) == 1 else "pipeline"


def _phase(name: str, begins_ms: float, ends_ms: float) -> Phase:
    return Phase(name, begins_ms / 1000, ends_ms / 1000)
