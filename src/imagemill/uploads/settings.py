"""How long originals are kept, how many, and how they and uploads come in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class UploadsSettings(BaseModel):
    """Retention and quota of originals, fetching them, and uploads under way."""

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
    keep_events_s: float = Field(
        30 * 86_400.0,
        ge=60,
        le=10 * 366 * 86_400,
        description="Seconds for which it is told what became of images: events, and fetches that "
        "failed.",
    )
    fetches_at_once: int = Field(
        8, ge=1, le=256, description="Images that are fetched at the same time, over all hosts."
    )
    fetch_read_s: float = Field(
        10.0, ge=0.1, le=300, description="Longest silence of a host that an image is fetched from."
    )
    fetch_total_s: float = Field(
        30.0, ge=0.1, le=3600, description="Seconds for one try at an image, redirects included."
    )
    fetch_pause_s: float = Field(
        2.0,
        ge=0,
        le=600,
        description="Seconds before the first of three new tries after a server's error or a "
        "time-out; each pause is four times the one before, or what the host asks for.",
    )
    fetch_lease_s: float = Field(
        90.0,
        ge=1,
        le=7200,
        description="Seconds after which a fetch is begun anew that a killed process was at; "
        "longer than one try and the look at the picture take.",
    )
    max_pending_fetches: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Images of one owner that may be on their way from URLs at the same moment.",
    )
