"""How long the queue leaves a message in one consumer's hands."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class QueueSettings(BaseModel):
    """How the queue behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lease_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which the message of a silent worker goes to another one.",
    )
