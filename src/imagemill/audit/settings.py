"""How long the audit log is kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AuditSettings(BaseModel):
    """The log of who did what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_days: float = Field(
        365.0,
        ge=1,
        le=36_500,
        description="Days after which an entry of the audit log is removed, and so is a key that "
        "was revoked so long ago.",
    )
