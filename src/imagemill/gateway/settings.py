"""How the gateway behaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GatewaySettings(BaseModel):
    """What the gateway remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity_cache_s: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds for which a checked key, and what is set for it, is trusted before "
        "it is looked up again.",
    )
