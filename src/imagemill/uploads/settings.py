"""How long originals are kept, and how many."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class UploadsSettings(BaseModel):
    """Retention and quota of originals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_originals_s: float = Field(
        0.0,
        ge=0,
        le=10 * 366 * 86_400,
        description="Seconds after which an original is deleted, counted from when its bytes last "
        "came in; one that unfinished jobs use waits for them. 0 keeps originals for ever.",
    )
    max_stored_bytes_per_owner: int = Field(
        0,
        ge=0,
        description="Bytes that the originals of one owner may take up, by all keys together; what "
        "would be more is refused (429). 0 is no bound.",
    )
    sweep_every_s: float = Field(
        60.0,
        ge=0.1,
        le=3600,
        description="Seconds between two looks for originals that are to be deleted and for what "
        "uploads that were cut left behind.",
    )
