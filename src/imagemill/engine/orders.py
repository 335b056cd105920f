"""What the sandbox's parent and child say to each other, as frozen models on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.facts import Facts, Format, Limits

_LONGEST_MS = 86_400_000.0


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProbeOrder(_Wire):
    """Ask what the picture in the first descriptor is, without decoding its pixels."""

    do: Literal["probe"] = "probe"
    limits: Limits


class RenderOrder(_Wire):
    """Ask for every output of one picture from one decode.

    Descriptors travel beside it: the original first, then one for each of `pictures`, then one
    empty memory file for each output, in the order of `outputs`.
    """

    do: Literal["render"] = "render"
    limits: Limits
    outputs: dict[str, list[dict[str, Any]]]
    """Name of the output to its normalized steps, each ending in an encoding or data."""
    pictures: list[str] = Field(default_factory=list)
    """Ids of further images that steps name (watermarks), in the order of their descriptors."""


class Rendered(_Wire):
    """Describe what now lies in one output's memory file."""

    format: Format | Literal["json"]
    width: int | None
    """Pixels; None where the output is data."""
    height: int | None
    frames: int = 1
    size_bytes: int
    milliseconds: float
    """Wall-clock time from the decoded picture to the last byte of this output."""
    began_ms: float = Field(0.0, ge=0, le=_LONGEST_MS)
    """When this output began, after the order was read."""
    steps_ms: float = Field(0.0, ge=0, le=_LONGEST_MS)
    """Which part of its time went by before its encoding began."""


class Answer(_Wire):
    """Answer an order: facts or outputs, or the one error that ended the work."""

    facts: Facts | None = None
    text: str = Field("", max_length=10_000)
    """What the file of a probed picture says in words."""
    outputs: dict[str, Rendered] = Field(default_factory=dict)
    decodes: int = 0
    """How often the original was decoded for this order; the promise is once."""
    decode_shrink: int = 1
    """How much smaller than stored the decoder made the picture (1, 2, 4 or 8)."""
    opened_ms: float = Field(0.0, ge=0, le=_LONGEST_MS)
    """When the original was looked at and its decoding began, after the order was read."""
    decoded_ms: float = Field(0.0, ge=0, le=_LONGEST_MS)
    """How long decoding took, as far as it was not left to the outputs."""
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    """Highest resident memory of the child so far, over all its orders."""
    error: str | None = None
    """Code of the refusal, one of `errors.by_code`."""
    message: str = ""
    note: str = ""
    """What happened, for the log and never for the caller; only where `error` is `internal`."""
    output: str | None = None
    """Name of the output that failed; None when the picture itself did."""
    limit: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
