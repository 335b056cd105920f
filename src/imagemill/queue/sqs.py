"""A queue on Amazon SQS: a standard queue for each topic, and one beside it for what is put aside.

Known limits: no order. Counts are approximate and some seconds late. How old the oldest message is
AWS tells its CloudWatch only. Messages of up to 192 KiB, as bodies travel in base64 and a call
takes 256 KiB. A lease has whole seconds, and 12 hours with all its renewals. What a cancelled
request had received stays invisible for its lease. What was received very often goes to the queue
`…-dead`: a last net, and never the record of anything, since the jobs service counts tries and
announces again what nobody came for. Kept by AWS in several zones, for 14 days at most. Tested on
moto 5.2's server, which is not SQS, and not on AWS itself.

Measured 2026-11-25 on moto, on two cores of x86_64 with ten to twenty others at work, which says
what moto does and nothing of AWS (400 bytes, messages a second): publish 40, 100 at once 80,
receive and done with 32 in hand 25. Moto grows slower with every message that it holds.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from imagemill.errors import ImagemillError, Unavailable
from imagemill.queue import Promises
from imagemill.queue.sqs_account import Account, Login
from imagemill.queue.sqs_batches import MOST, Entry, Gathering, batches, send_all

_LEASE_S: Final = 30.0
_LARGEST_BYTES: Final = 192 << 10
_SENDING: Final = 8
"""Calls in which one publish sends at the same time."""
_RETRY_S: Final = 1.0
"""Pause after SQS could not be used."""
_GIVE_BACK_S: Final = 5.0
_log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _SQSDelivery:
    queue: SQSQueue
    topic: str
    receipt: str
    body: bytes

    async def done(self) -> None:
        await self.queue.finish(self)

    async def again(self) -> None:
        await self.queue.give_back(self)


@dataclass(eq=False)
class SQSQueue:
    """A `Queue` in queues of one AWS account and region."""

    login: Login
    lease_s: float = _LEASE_S
    promises: Promises = field(
        default=Promises(
            ordered=False, durable=True, largest_bytes=_LARGEST_BYTES, knows_age=False
        ),
        init=False,
    )
    _account: Account = field(init=False)
    _held: set[_SQSDelivery] = field(default_factory=set, init=False)
    _deleting: dict[str, Gathering] = field(default_factory=dict, init=False)
    _showing: dict[str, Gathering] = field(default_factory=dict, init=False)
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._account = Account(self.login, self.lease_s)

    async def start(self) -> None:
        """Begin to keep held messages invisible."""
        self._keeper = asyncio.create_task(self._keep_held(), name="queue-keeper")

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Send the messages, ten in a call, some calls at a time."""
        self.promises.check(bodies)
        free = asyncio.Semaphore(_SENDING)
        encoded = [base64.b64encode(each).decode("ascii") or "=" for each in bodies]
        calls = [self._send(topic, batch, free) for batch in batches(encoded)]
        failed = await asyncio.gather(*calls, return_exceptions=True)
        for error in failed:
            if error:
                raise error

    async def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[_SQSDelivery]:
        """Ask again and again, each time waiting for news; ten messages at once are the most."""
        left: list[_SQSDelivery] = []
        try:
            while True:
                left = await self._take(topic, min(prefetch, MOST))
                while left:
                    yield left.pop(0)
        finally:
            await asyncio.shield(self._give_back_all(left))

    async def depth(self, topic: str) -> int:
        """Add up what waits and what is invisible, as far as SQS knows now."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await self._account.ask("get_queue_attributes", topic, AttributeNames=names)
        return sum(int(answer["Attributes"][each]) for each in names)

    async def oldest_s(self, topic: str) -> None:
        """Tell nothing: SQS gives this number to CloudWatch only."""

    async def finish(self, delivery: _SQSDelivery) -> None:
        """Delete a message, together with others that are done at this moment."""
        self._held.discard(delivery)
        gathering = self._gathering(self._deleting, "delete_message_batch", delivery.topic)
        await gathering.put({"ReceiptHandle": delivery.receipt})

    async def give_back(self, delivery: _SQSDelivery) -> None:
        """Make a message visible to all."""
        self._held.discard(delivery)
        gathering = self._gathering(
            self._showing, "change_message_visibility_batch", delivery.topic
        )
        await gathering.put({"ReceiptHandle": delivery.receipt, "VisibilityTimeout": 0})

    async def close(self) -> None:
        """Stop keeping messages, give back what is held, and let go."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._give_back_all(list(self._held))
        await self._account.close()

    async def _send(self, topic: str, batch: Sequence[str], free: asyncio.Semaphore) -> None:
        async with free:
            send = partial(self._call, "send_message_batch", topic)
            await send_all(send, [{"MessageBody": body} for body in batch])

    async def _call(self, what: str, topic: str, entries: Sequence[Entry]) -> Any:  # noqa: ANN401 - the library's answer
        return await self._account.ask(what, topic, Entries=list(entries))

    def _gathering(self, of: dict[str, Gathering], what: str, topic: str) -> Gathering:
        return of.setdefault(topic, Gathering(partial(self._call, what, topic)))

    async def _take(self, topic: str, most: int) -> list[_SQSDelivery]:
        """Receive some messages; outlasts an SQS that is away."""
        try:
            answer = await self._account.ask(
                "receive_message",
                topic,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=self.login.settings.wait_s,
                VisibilityTimeout=math.ceil(self.lease_s),
            )
        except Unavailable as error:
            _log.warning("queue_waits", topic=topic, reason=error.message)
            await asyncio.sleep(_RETRY_S)
            return []
        taken = [
            _SQSDelivery(self, topic, each["ReceiptHandle"], _decoded(each["Body"]))
            for each in answer.get("Messages", ())
        ]
        self._held.update(taken)
        return taken

    async def _give_back_all(self, deliveries: Sequence[_SQSDelivery]) -> None:
        with contextlib.suppress(ImagemillError, TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_S):
                given = (self.give_back(each) for each in deliveries if each in self._held)
                await asyncio.gather(*given)

    async def _keep_held(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            by_topic: defaultdict[str, list[Entry]] = defaultdict(list)
            for each in self._held:
                entry = {
                    "ReceiptHandle": each.receipt,
                    "VisibilityTimeout": math.ceil(self.lease_s),
                }
                by_topic[each.topic].append(entry)
            for topic, entries in by_topic.items():
                await self._extend(topic, entries)

    async def _extend(self, topic: str, entries: Sequence[Entry]) -> None:
        send = partial(self._call, "change_message_visibility_batch", topic)
        try:
            for first in range(0, len(entries), MOST):
                await send_all(send, entries[first : first + MOST])
        except ImagemillError as error:
            _log.warning("queue_lease_not_extended", reason=error.message)


def _decoded(body: str) -> bytes:
    """Read a body; SQS takes no empty one, so a lone `=` stands for it."""
    return b"" if body == "=" else base64.b64decode(body)
