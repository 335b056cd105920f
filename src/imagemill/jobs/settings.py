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
    max_timeout_s: float = Field(
        300.0, ge=1, le=3600, description="The longest `timeout_s` that a job or key may ask for."
    )
    max_unfinished_per_owner: int = Field(
        100_000,
        ge=1,
        description="Jobs of one owner that may be unfinished at once; one more is refused (429).",
    )
    max_monthly_jobs_per_owner: int = Field(
        0,
        ge=0,
        description="Jobs that one owner may make in a calendar month, UTC, by all keys together; "
        "one more is refused (429). 0 is no bound.",
    )
    max_unfinished: int = Field(
        500_000,
        ge=1,
        description="Jobs of all owners that may be unfinished at once; one more is refused (503).",
    )
    max_retries: int = Field(
        4, ge=0, le=20, description="Tries after the first, when the error is one that may pass."
    )
    sweep_every_s: float = Field(
        5.0, ge=0.1, le=60, description="Seconds between two looks for lost leases and messages."
    )
    keep_results_s: float = Field(
        0.0, ge=0, description="Seconds for which results are kept after the job; 0 is for ever."
    )
    keep_jobs_s: float = Field(
        0.0,
        ge=0,
        description="Seconds for which ended jobs, their events and their results are kept; 0 is "
        "for ever.",
    )
