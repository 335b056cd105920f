"""How a worker works."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class WorkerSettings(BaseModel):
    """How much a worker has in hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefetch: int = Field(
        2,
        ge=0,
        le=64,
        description="Jobs in hand beyond the sandbox's children: fetched or being stored while "
        "the children are at work.",
    )
    grace_s: float = Field(
        20.0,
        ge=0,
        le=3600,
        description="Seconds in which a worker that is told to stop may end what it has in hand; "
        "what has not ended then is given back, which costs those jobs no try.",
    )
