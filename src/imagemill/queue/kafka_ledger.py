"""What is read of a partition and not yet done, and whose each partition is: decided, not done.

Kafka knows of a consumer group no more than one number for each partition: up to where everything
is done. Work ends in any order, so what is done beyond the oldest open message is remembered here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter


@dataclass(eq=False, slots=True)
class Ledger:
    """What one consumer has read of one partition, while the partition is its own."""

    committed: int = -1
    """What the broker was told last; -1 before that."""
    is_ours: bool = True
    """Whether the partition is still this consumer's; what ends in another's changes nothing."""
    _next: int = -1
    """First offset that was never seen here; -1 before any was."""
    _last_read: int = -1
    """Offset that was read last, since the partition was given to us."""
    _held: set[int] = field(default_factory=set)
    _given_back: set[int] = field(default_factory=set)

    def take(self, offset: int) -> bool:
        """Note that a message was read; tell whether it is to be worked on.

        It is not when it is in hand or done already, as after a rebalance, when a partition is
        read again from what was committed. Raises `LookupError` when the log went backwards, so
        that nothing noted here says anything about what is read now.
        """
        if offset <= self._last_read and offset not in self._given_back:
            raise LookupError(f"Offset {offset} came after {self._last_read}.")
        self._last_read = max(offset, self._last_read)
        if offset < self._next and offset not in self._given_back:
            return False
        self._next = max(self._next, offset + 1)
        self._given_back.discard(offset)
        self._held.add(offset)
        return True

    def end(self, offset: int) -> None:
        """Note that a message is done."""
        self._held.discard(offset)

    def give_back(self, offset: int) -> None:
        """Note that a message was read and not looked at; it may be taken here again."""
        if offset in self._held:
            self._held.discard(offset)
            self._given_back.add(offset)

    def read_again(self) -> None:
        """Begin again at what was committed: the partition was given to us once more."""
        self._last_read = -1

    @property
    def is_held(self) -> bool:
        """Whether a message of the partition is in hand."""
        return bool(self._held)

    @property
    def position(self) -> int:
        """Give the offset before which everything is done; -1 when nothing was seen."""
        return min(self._held | self._given_back, default=self._next)

    @property
    def is_due(self) -> bool:
        """Whether the broker does not know yet how far everything is done."""
        return self.position > max(self.committed, 0)

    @property
    def span(self) -> int:
        """Count the offsets from the oldest one that is not done to the newest that was read."""
        return self._next - self.position


@dataclass(frozen=True, slots=True)
class Member:
    """What a member of the group says of itself when partitions are shared out."""

    held: Collection[int] = ()
    """Partitions of which it has messages in hand."""
    takes: bool = True
    """Whether it wants more; one that is about to leave does not."""


def share(partitions: Iterable[int], members: Mapping[str, Member]) -> dict[str, list[int]]:
    """Share partitions out evenly, leaving to each member those of which it holds messages.

    Kafka's own ways of sharing move partitions without asking what is in hand, and every message
    in hand of a moved partition is worked on twice. No member keeps more than its share so.
    """
    left = set(partitions)
    takers = sorted(name for name, each in members.items() if each.takes) or sorted(members)
    most = math.ceil(len(left) / len(takers))
    given: dict[str, list[int]] = {}
    for name, member in sorted(members.items(), key=itemgetter(0)):
        given[name] = sorted(left & set(member.held))[:most]
        left -= set(given[name])
    for partition in sorted(left):
        given[min(takers, key=lambda name: (len(given[name]), name))].append(partition)
    return given
