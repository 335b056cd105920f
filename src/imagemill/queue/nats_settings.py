"""What only NATS can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class NATSSettings(BaseModel):
    """How streams are made, and who we are; an address may carry a name and password too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = Field(
        "imagemill",
        pattern=r"^[A-Za-z0-9-]{1,40}$",
        description="What the names of streams and subjects begin with, one for each installation.",
    )
    replicas: int = Field(
        1, ge=1, le=5, description="Servers that keep each message; 3 outlives the loss of one."
    )
    user: str = Field("", description="Name to log in with.")
    password: SecretStr = Field(SecretStr(""), description="Password of that name.")
    token: SecretStr = Field(SecretStr(""), description="Token to log in with, in place of a name.")
    nkey_file: Path | None = Field(
        None, description="File with the seed of an NKEY to log in with; needs the package `nkeys`."
    )
    creds_file: Path | None = Field(
        None,
        description="File with a JWT and its seed to log in with, as `nsc` writes it; needs the "
        "package `nkeys`.",
    )
