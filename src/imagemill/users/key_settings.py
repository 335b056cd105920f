"""How many keys there may be."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class KeysSettings(BaseModel):
    """API keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_per_account: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Keys that one account may have at once; revoked ones do not count.",
    )
