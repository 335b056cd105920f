"""What only Kafka can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class KafkaSettings(BaseModel):
    """How topics are made, how messages are sent, and who we are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = Field(
        "imagemill",
        pattern=r"^[A-Za-z0-9_-]{1,60}$",
        description="What the names of topics and of the consumer group begin with, one for each "
        "installation.",
    )
    partitions: int = Field(
        12,
        ge=1,
        le=1000,
        description="Partitions of a topic that Imagemill makes: no more worker processes than "
        "that share the work. More are added to a topic that has fewer; none is ever removed.",
    )
    replicas: int = Field(
        1,
        ge=1,
        le=9,
        description="Brokers that keep each message of a topic that Imagemill makes; 3, with "
        "`min.insync.replicas=2`, outlives the loss of one.",
    )
    retention_s: float = Field(
        604_800.0,
        ge=3600,
        description="Seconds for which a topic that Imagemill makes keeps a message, done or not; "
        "what waits longer is announced again by the jobs service.",
    )
    create: bool = Field(
        True,
        description="Whether topics are made when they are missing; if not, somebody else does.",
    )
    idempotent: bool = Field(
        True,
        description="Whether a message that is sent again after a lost answer is kept once; off "
        "for a broker that cannot number its producers.",
    )
    largest_bytes: int = Field(
        1_000_000,
        ge=10_000,
        le=100_000_000,
        description="Longest message in bytes; the brokers' `message.max.bytes` must be larger.",
    )
    window: int = Field(
        500,
        ge=10,
        le=100_000,
        description="Messages of a partition that are read beyond the oldest one that is not done.",
    )
    timeout_s: float = Field(
        10.0, ge=1, le=120, description="Seconds until a broker that does not answer is given up."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the name and password are shown, where a name is given."
    )
    allow_plaintext: bool = Field(
        False,
        description="Whether the password of `PLAIN` may be sent without TLS, so that whoever "
        "listens reads it. Loopback always may.",
    )
    user: str = Field("", description="Name to log in with, by SASL.")
    password: SecretStr = Field(SecretStr(""), description="Password of that name.")
