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
        ge=2,
        le=3600,
        description="Seconds after which a delivery is tried again whose notifier has died; longer "
        "than an answer may take.",
    )
    pace: float = Field(
        1.0,
        gt=0,
        le=10,
        description="What the pauses between tries (5 seconds to a day) are multiplied by.",
    )
    webhooks_per_owner: int = Field(
        50, ge=1, le=10_000, description="Webhooks of one owner; one more is refused (409)."
    )
    webhook_timeout_s: float = Field(
        10.0, ge=0.1, le=15, description="Seconds in which a webhook's receiver must answer."
    )
    disable_after_s: float = Field(
        432_000.0,
        ge=60,
        description="Seconds without one good answer, tries going on, after which a webhook is "
        "disabled.",
    )
    keep_deliveries_s: float = Field(
        2_592_000.0,
        ge=3600,
        description="Seconds for which ended deliveries are kept, with their tries.",
    )
