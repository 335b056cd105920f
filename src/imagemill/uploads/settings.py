"""How long originals are kept, and how many uploads may be under way."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class UploadsSettings(BaseModel):
    """Retention of originals, and of uploads that are not complete."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_originals_s: float = Field(
        0.0,
        ge=0,
        le=10 * 366 * 86_400,
        description="Seconds after which an original is deleted, counted from when its bytes last "
        "came in; one that unfinished jobs use waits for them. 0 keeps originals for ever.",
    )
    max_open_per_owner: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Uploads by signed URL or in chunks that one owner may have open at once.",
    )
    resumable_s: float = Field(
        86_400.0,
        ge=60,
        le=30 * 86_400,
        description="Seconds after its last byte at which a resumable upload expires, with what "
        "came of it.",
    )
    sweep_every_s: float = Field(
        60.0,
        ge=0.1,
        le=3600,
        description="Seconds between two looks for originals that are to be deleted and for what "
        "uploads that were cut left behind.",
    )
