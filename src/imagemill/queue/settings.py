"""Which broker carries work, and how long it leaves a message in one consumer's hands."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from imagemill.queue.kafka_settings import KafkaSettings
from imagemill.queue.nats_settings import NATSSettings
from imagemill.queue.rabbitmq_settings import RabbitMQSettings
from imagemill.queue.sqs_settings import SQSSettings
from imagemill.queue.tls import TLSSettings


class QueueSettings(BaseModel):
    """How the queue behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(
        SecretStr(""),
        description="Address of a broker; its scheme says which (`postgresql`, `nats`, `tls` for "
        "NATS, `amqp`, `amqps`, `kafka`, `kafkas` for Kafka by TLS, `sqs`). Several servers of one "
        "broker are parted by commas. Empty keeps the queue where `IMAGEMILL_DATABASE_URL` says, "
        "or in a SQLite file of the data folder.",
    )
    lease_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which the message of a silent worker goes to another one.",
    )
    tls: TLSSettings = Field(TLSSettings(), description="Certificates for the way to the broker.")
    nats: NATSSettings = Field(NATSSettings(), description="What only NATS can be told.")
    rabbitmq: RabbitMQSettings = Field(
        RabbitMQSettings(), description="What only RabbitMQ can be told."
    )
    kafka: KafkaSettings = Field(KafkaSettings(), description="What only Kafka can be told.")
    sqs: SQSSettings = Field(SQSSettings(), description="What only SQS can be told.")
