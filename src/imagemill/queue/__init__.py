"""The queue port: at least once, competing consumers, and nothing else.

Delay, retry, priority, cancel and dead letters are rows of the jobs service and never features of
a broker, so that every broker behaves the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagemill.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Promises:
    """What an adapter keeps; the conformance suite picks its tests by it."""

    ordered: bool
    """Messages of one topic come in the order in which they were published, failures apart."""
    durable: bool
    """A published message outlives the broker's process."""
    largest_bytes: int
    """Longest message that is taken."""
    counts_all: bool = True
    """`depth` counts what other processes' consumers hold too; if not, only what this one holds."""
    knows_age: bool = True
    """`oldest_s` can be told."""

    def check(self, bodies: Sequence[bytes]) -> None:
        """Raise `InvalidRequest` when a message is longer than is taken; then none is published."""
        longest = max(map(len, bodies), default=0)
        if longest > self.largest_bytes:
            raise InvalidRequest(
                f"A message has {longest} bytes; this queue takes {self.largest_bytes} at most."
            )


class Delivery(Protocol):
    """One message in one consumer's hands; invisible to others until it is done or given back."""

    @property
    def body(self) -> bytes:
        """The message as it was published."""
        ...

    async def done(self) -> None:
        """Remove the message for good; harmless when its lease has ended or it is done already.

        Raises `Unavailable` when the broker could not be told: then it will come again.
        """
        ...

    async def again(self) -> None:
        """Give the message back, for any consumer, at once; raises as `done` does."""
        ...


class Queue(Protocol):
    """Topics of messages, each of which is delivered until one consumer says it is done."""

    @property
    def promises(self) -> Promises:
        """What this adapter keeps."""
        ...

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Put messages into a topic; when this returns, the broker has them.

        Raises `Unavailable` when it does not; then none, some or all may have arrived. Raises
        `InvalidRequest` when one is longer than this adapter promises to take.
        """
        ...

    def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[Delivery]:
        """Yield messages as they come, for ever; each stays invisible while it is worked on.

        `prefetch` messages may be taken from the broker at once; they count as worked on. It
        outlasts a broker that is away. When the iteration ends or is cancelled, what was taken and
        not yielded is given back; what was yielded stays in hand.
        """
        ...

    async def depth(self, topic: str) -> int:
        """Count the messages that wait or are worked on; 0 for a topic that nobody has used.

        Brokers may count some seconds late. Raises `Unavailable` when they do not answer.
        """
        ...

    async def oldest_s(self, topic: str) -> float | None:
        """Give the age in seconds of the oldest message that waits, or, if none does, 0.

        Adapters that cannot part what waits from what is worked on give the older of the two. None
        when the broker cannot tell. Raises `Unavailable` when it does not answer.
        """
        ...

    async def close(self) -> None:
        """Let go; messages not done become visible to others, at the latest when leases end."""
        ...
