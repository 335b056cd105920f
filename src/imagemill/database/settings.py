"""Where the services keep their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

OF_ITS_OWN: Final = (
    "Address for the {} database alone, before the one for all; with a role that may open no other."
)


class DatabaseSettings(BaseModel):
    """Which engine holds the databases, and how it is reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(
        SecretStr(""),
        description="Address of a PostgreSQL, as `postgresql://user:password@host:5432/imagemill`; "
        "empty keeps every service's rows in a SQLite file of the data folder.",
    )
    users_url: SecretStr = Field(SecretStr(""), description=OF_ITS_OWN.format("users"))
    images_url: SecretStr = Field(SecretStr(""), description=OF_ITS_OWN.format("images"))
    jobs_url: SecretStr = Field(SecretStr(""), description=OF_ITS_OWN.format("jobs"))
    notifications_url: SecretStr = Field(
        SecretStr(""), description=OF_ITS_OWN.format("notifications")
    )
    owner_url: SecretStr = Field(
        SecretStr(""),
        description="Address for the role that owns the tables, before all others; read by "
        "`imagemill migrate` and `imagemill transfer` alone.",
    )
    admin_url: SecretStr = Field(
        SecretStr(""),
        description="Address for somebody who may make roles and schemas; read by `imagemill "
        "database init` alone.",
    )
    ca_file: Path | None = Field(
        None,
        description="File with the certificates of those who may vouch for the server; those that "
        "the system trusts if not set. A server that is not on this machine is always verified, "
        "unless its address says otherwise (`?sslmode=`).",
    )
    certificate_file: Path | None = Field(
        None, description="File with the certificate by which the server knows this client."
    )
    key_file: Path | None = Field(
        None, description="File with the key of that certificate, readable by its owner alone."
    )
    connections: int = Field(
        4,
        ge=1,
        le=100,
        description="Connections for reading that each service opens at most; it has two more, to "
        "write and to hear of other processes.",
    )
    connect_timeout_s: float = Field(
        5.0, ge=2, le=60, description="Seconds to wait for a connection to PostgreSQL."
    )
    lock_timeout_s: float = Field(
        10.0, ge=0.1, le=300, description="Seconds that a transaction waits for others to finish."
    )
    statement_timeout_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which a statement is given up, and a transaction that does "
        "nothing.",
    )

    def url_of(self, name: str) -> str:
        """Give the address of a database by its name; empty where it is a file."""
        own: SecretStr = getattr(self, f"{name}_url", SecretStr(""))
        return own.get_secret_value() or self.url.get_secret_value()

    def who_migrates(self, url: str) -> str:
        """Give the address under which a database's tables are changed."""
        return self.owner_url.get_secret_value() or url
