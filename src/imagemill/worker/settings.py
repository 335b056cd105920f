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
