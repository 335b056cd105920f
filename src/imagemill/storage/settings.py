"""Where the bytes of originals and results lie."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class StorageSettings(BaseModel):
    """Which engine holds the objects, and how it is reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "",
        description="Where the objects lie, as `s3://`; empty keeps them in the data folder.",
    )
