"""Where the services keep their rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class DatabaseSettings(BaseModel):
    """Which engine holds the databases, and how it is reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(
        SecretStr(""),
        description="Address of a PostgreSQL, as `postgresql://user:password@host:5432/imagemill`; "
        "empty keeps every service's rows in a SQLite file of the data folder.",
    )
