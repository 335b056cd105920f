"""How the suite opens the queues on Kafka and on SQS, or on what stands in for them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from imagemill.queue import Queue
from imagemill.queue.kafka import KafkaQueue
from imagemill.queue.kafka_cluster import Login as KafkaLogin
from imagemill.queue.kafka_settings import KafkaSettings
from imagemill.queue.sqs import SQSQueue
from imagemill.queue.sqs_account import Login as SQSLogin
from imagemill.queue.sqs_settings import SQSSettings
from imagemill.queue.tls import TLSSettings

_LATE: Final = "the mock refuses members that ask for their share after the leader did"
MOCK_CANNOT: Final[Mapping[str, str]] = {
    "test_competing_consumers_share_the_messages": _LATE,
    "test_no_consumer_takes_more_than_its_prefetch": _LATE,
    "test_a_receive_that_is_cancelled_loses_nothing": _LATE,
}
"""What librdkafka's mock cannot be put to; it knows groups just as its own tests need them."""


async def open_kafka(
    stack: AsyncExitStack,
    address: str,
    lease_s: float,
    *,
    idempotent: bool,
    longest_s: float = 60,
    create: bool = True,
) -> Queue:
    """Open the queue on what speaks Kafka's protocol; leases are never longer than is said."""
    lease_s = min(lease_s, longest_s)
    settings = KafkaSettings(idempotent=idempotent, create=create, timeout_s=5)
    queue = KafkaQueue(KafkaLogin(address, settings, TLSSettings()), time.time, lease_s)
    stack.push_async_callback(queue.close)
    return queue


async def open_sqs(stack: AsyncExitStack, address: str, lease_s: float) -> Queue:
    """Open the queue on what answers as SQS does; leases have whole seconds."""
    settings = SQSSettings(
        endpoint_url=address, access_key_id="test", secret_access_key="test", wait_s=1
    )
    queue = SQSQueue(SQSLogin("sqs://eu-west-1", settings, TLSSettings()), lease_s)
    stack.push_async_callback(queue.close)
    await queue.start()
    return queue
