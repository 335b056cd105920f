"""How the notifier behaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class NotifierSettings(BaseModel):
    """Deliveries: how many at once, and how long they are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deliveries_at_once: int = Field(
        256, ge=1, le=10_000, description="Deliveries that are tried at the same time."
    )
    deliveries_per_host: int = Field(
        4, ge=1, le=1000, description="Deliveries that are tried at one host at the same time."
    )
    deliveries_per_owner: int = Field(
        32, ge=1, le=10_000, description="Deliveries of one owner that are tried at the same time."
    )
    delivery_lease_s: float = Field(
        60.0,
        ge=20,
        le=3600,
        description="Seconds after which a delivery is tried again whose notifier has died.",
    )
    pace: float = Field(
        1.0,
        gt=0,
        le=10,
        description="What the pauses between tries (5 seconds to a day) are multiplied by.",
    )
    keep_deliveries_s: float = Field(
        2_592_000.0,
        ge=3600,
        description="Seconds for which ended deliveries are kept, with their tries.",
    )
