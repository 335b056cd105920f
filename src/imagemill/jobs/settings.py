"""How the jobs service behaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JobsSettings(BaseModel):
    """Leases, time limits and tries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lease_s: float = Field(
        30.0, ge=1, le=3600, description="Seconds after which a silent worker's job is taken back."
    )
    timeout_s: float = Field(
        60.0, ge=1, le=3600, description="Seconds of work after which an attempt is killed."
    )
    max_retries: int = Field(
        4, ge=0, le=20, description="Tries after the first, when the error is one that may pass."
    )
    sweep_every_s: float = Field(
        5.0, ge=0.1, le=60, description="Seconds between two looks for lost leases and messages."
    )
