"""Whether anybody may read a result, as clients say and see it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Publicity(BaseModel):
    """Whether anybody may read a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public: bool = Field(description="Whether anybody may read it at `public_url`.")


class PublicityView(BaseModel):
    """Whether anybody may read a result, and where."""

    model_config = ConfigDict(frozen=True)

    public: bool
    public_url: str | None = Field(
        description="The same for the same bytes of the same owner, and not to be guessed; null "
        "unless it is public."
    )
