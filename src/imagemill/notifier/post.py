"""Channels to people: put a delivery into words, and hand it to the operator's gateway."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from imagemill.errors import ImagemillError, InvalidRequest
from imagemill.notifier import texts
from imagemill.notifier.allowance import Allowance
from imagemill.notifier.channels import Kind, Outcome, again, delivered, never
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.contacts import Contacts
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.facts import Facts, Failure, facts_of
from imagemill.notifier.letters import LETTER, said_of
from imagemill.notifier.notifications import TEST
from imagemill.notifier.people import may_be_told
from imagemill.notifier.texts import Said, Sign

LIFE_S: Final[Mapping[str, float]] = MappingProxyType({LETTER: 86_400.0, TEST: 3600.0})
"""Seconds after which what was asked for at some moment helps nobody: the link in a letter is over,
and who asked for a test has gone. They are told whatever the preferences say."""
MOST_FAILURES: Final = 10
"""Failures that are told of a batch."""

Failures = Callable[[str, str, int], Awaitable[tuple[Failure, ...]]]
"""Look up the first failures of a batch: its id, its owner, how many."""


class Gateway(Protocol):
    """A way out to people, as the operator configured it."""

    async def send(self, to: str, said: Said) -> Verdict | None:
        """Send a message; None when it was taken. Raises `InvalidRequest` for no recipient."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """How many messages ended how since the start, by channel."""

    told: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """Tries that failed, whether they are made again or not."""

    def count(self, channel: str, outcome: Outcome) -> None:
        """Count one try."""
        (self.told if outcome.kind is Kind.DELIVERED else self.failed)[channel] += 1

    def seen(self) -> dict[str, dict[str, int]]:
        """Tell the counts, for health."""
        return {"told": dict(self.told), "failed": dict(self.failed)}


@dataclass(frozen=True, slots=True)
class Post:
    """One channel to people: `mail`, `sms` or `push`."""

    channel: str
    gateway: Gateway
    contacts: Contacts
    allowance: Allowance
    home: str
    """Address of this installation, which links to what needs a login begin with."""
    sign: Sign
    failures: Failures
    clock: Callable[[], float]
    """Tells seconds since 1970."""
    tally: Tally

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Try once to tell somebody, if they still want to hear of it, and now."""
        if kept_back := await self._kept_back(delivery):
            return kept_back
        outcome = await self._outcome(delivery)
        self.tally.count(self.channel, outcome)
        return outcome

    async def _kept_back(self, delivery: Delivery) -> Outcome | None:
        """Say why it is not told at all, or not now; None where nothing is in the way."""
        now, type_ = self.clock(), delivery.event_type
        if life_s := LIFE_S.get(type_):
            is_over = now - delivery.created_at > life_s
            return never("What it is about is over.") if is_over else None
        try:
            contact = await self.contacts.contact(delivery.owner)
        except ImagemillError as error:
            return again(error.message)
        told_at = may_be_told(contact, type_, self.channel, delivery.target, now)
        if told_at is None:
            return never("By now it is not wanted here any more.")
        if told_at > now:
            return again("It waits for the end of quiet hours.", told_at - now)
        if not self.allowance.is_left(delivery.owner, self.channel):
            return never(f"You were told {self.allowance.most} times today by {self.channel}.")
        return None

    async def _outcome(self, delivery: Delivery) -> Outcome:
        try:
            verdict = await self.gateway.send(delivery.target, await self._said(delivery))
        except InvalidRequest as error:
            return never(error.message)
        if verdict is None:
            self.allowance.count(delivery.owner, self.channel)
            return delivered()
        return never(verdict.reason) if verdict.is_final else again(verdict.reason)

    async def _said(self, delivery: Delivery) -> Said:
        data: Mapping[str, Any] = json.loads(delivery.body)["data"]
        if delivery.event_type == LETTER:
            return said_of(data)
        facts = facts_of(delivery.event_type, data)
        if self.channel == "sms":
            return texts.sms(facts)
        if self.channel == "push":
            return texts.push(facts)
        return texts.mail(await self._with_failures(facts, delivery.owner), self.home, self.sign)

    async def _with_failures(self, facts: Facts, owner: str) -> Facts:
        if not facts.counts.get("failed"):
            return facts
        try:
            return replace(facts, failures=await self.failures(facts.id, owner, MOST_FAILURES))
        except ImagemillError:
            return facts  # The batch is told with its counts alone, rather than late or not.
