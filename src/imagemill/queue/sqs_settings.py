"""What only SQS can be told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SQSSettings(BaseModel):
    """How queues are made, how they are asked, and who we are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+/?)?$",
        description="Address of something else that speaks SQS; empty asks AWS in the region of "
        "`IMAGEMILL_QUEUE_URL`.",
    )
    allow_http: bool = Field(
        False,
        description="Whether that address may be asked without TLS, so that whoever listens reads "
        "and changes messages. Loopback always may.",
    )
    access_key_id: str = Field(
        "",
        description="Access key; empty takes what AWS's own ways give: the environment, a profile, "
        "or the role of the machine or pod.",
    )
    secret_access_key: SecretStr = Field(SecretStr(""), description="Secret of that key.")
    create: bool = Field(
        True,
        description="Whether queues, each with a second one for what was received too often, are "
        "made when they are missing.",
    )
    encrypted: bool = Field(
        True, description="Whether queues that Imagemill makes are encrypted with keys of SQS."
    )
    kms_key_id: str = Field(
        "", description="Key of KMS with which queues that Imagemill makes are encrypted instead."
    )
    retention_s: int = Field(
        1_209_600,
        ge=60,
        le=1_209_600,
        description="Seconds for which a queue that Imagemill makes keeps a message; what waits "
        "longer is announced again by the jobs service.",
    )
    most_receives: int = Field(
        100,
        ge=1,
        le=1000,
        description="How often a message is received before SQS puts it aside. Only a last net: "
        "tries are counted by the jobs service.",
    )
    wait_s: int = Field(
        20, ge=0, le=20, description="Seconds for which one request waits for messages."
    )
    timeout_s: float = Field(
        10.0, ge=1, le=120, description="Seconds until an answer that does not come is given up."
    )
