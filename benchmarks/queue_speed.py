"""How fast a queue adapter is by itself: `python -m benchmarks.queue_speed ADAPTER ADDRESS GROUPS`.

The adapter is one of the queue suite's, the address is where its broker answers, and as many groups
of 100 messages are sent, and three times as many messages one by one.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from contextlib import AsyncExitStack
from typing import Final

from imagemill.queue import Queue
from tests.contracts.queues import ADAPTERS

BODY: Final = b"x" * 400
"""About as long as a message about a job."""
GROUP: Final = 100
PREFETCH: Final = 32
LEASE_S: Final = 10.0


async def measure(name: str, address: str, groups: int) -> None:
    """Publish one by one and in groups, take everything again, and print the rates."""
    single = 3 * groups
    topic = f"speed-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        queue = await ADAPTERS[name].open(stack, address, LEASE_S)
        await queue.publish(topic, [BODY])
        began = time.perf_counter()
        for _ in range(single):
            await queue.publish(topic, [BODY])
        single_s = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(groups):
            await queue.publish(topic, [BODY] * GROUP)
        grouped_s = time.perf_counter() - began
        count = single + groups * GROUP
        taken_s = await _taken(queue, topic, count)
    print(f"{name}: published one by one {single / single_s:.0f}/s")
    print(f"{name}: published in groups of {GROUP} {groups * GROUP / grouped_s:.0f}/s")
    print(f"{name}: received and done, {PREFETCH} in hand {count / taken_s:.0f}/s")


async def _taken(queue: Queue, topic: str, count: int) -> float:
    """Take so many messages after a first one, with some in hand at a time; answer the seconds."""
    free = asyncio.Semaphore(PREFETCH)
    receiving = queue.receive(topic, prefetch=PREFETCH)
    await (await anext(receiving)).done()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            await free.acquire()
            delivery = await anext(receiving)
            group.create_task(delivery.done()).add_done_callback(lambda _: free.release())
    return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3])))
