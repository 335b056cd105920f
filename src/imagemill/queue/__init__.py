"""The queue port: at least once, competing consumers, and nothing else.

Delay, retry, priority, cancel and dead letters are rows of the jobs service and never features of
a broker, so that every broker behaves the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Promises:
    """What an adapter keeps; the conformance suite picks its tests by it."""

    ordered: bool
    """Messages of one topic come in the order in which they were published, failures apart."""
    durable: bool
    """A published message outlives the broker's process."""
    largest_bytes: int
    """Longest message that is taken."""


class Delivery(Protocol):
    """One message in one consumer's hands; invisible to others until it is done or given back."""

    @property
    def body(self) -> bytes:
        """The message as it was published."""
        ...

    async def done(self) -> None:
        """Remove the message for good."""
        ...

    async def again(self) -> None:
        """Give the message back, for any consumer, at once."""
        ...


class Queue(Protocol):
    """Topics of messages, each of which is delivered until one consumer says it is done."""

    @property
    def promises(self) -> Promises:
        """What this adapter keeps."""
        ...

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Put messages into a topic; when this returns, the broker has them.

        Raises `Unavailable` when it does not; then none, some or all may have arrived.
        """
        ...

    def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[Delivery]:
        """Yield messages as they come, for ever; each stays invisible while it is worked on.

        `prefetch` messages may be taken from the broker at once; they count as worked on.
        """
        ...

    async def depth(self, topic: str) -> int:
        """Count the messages that wait or are worked on."""
        ...

    async def close(self) -> None:
        """Let go; messages not done become visible to others when their lease ends."""
        ...
