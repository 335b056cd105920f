"""Which broker carries work, and how long it leaves a message in one consumer's hands."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class QueueSettings(BaseModel):
    """How the queue behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(
        SecretStr(""),
        description="Address of a broker; its scheme says which (`postgresql://` for a table of "
        "its own there). Empty keeps the queue where `IMAGEMILL_DATABASE_URL` says, or in a SQLite "
        "file of the data folder.",
    )
    lease_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which the message of a silent worker goes to another one.",
    )
