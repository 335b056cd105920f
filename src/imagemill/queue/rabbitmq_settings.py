"""What only RabbitMQ can be told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class RabbitMQSettings(BaseModel):
    """How its exchange and queues are named, and where its management listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = Field(
        "imagemill",
        pattern=r"^[A-Za-z0-9-]{1,40}$",
        description="Name of the exchange, and what the names of queues begin with; one for each "
        "installation.",
    )
    management_url: SecretStr = Field(
        SecretStr(""),
        description="Address of the management API, with name and password, such as "
        "`http://name:password@rabbitmq:15672`. With it depth counts what other processes work on "
        "too; without it, what waits and what this process works on.",
    )
