"""A notifier that tells people: a real database, the real app and sender, a gateway of the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from imagemill.cache.memory import MemoryCache
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity
from imagemill.contracts.notifier import NotifierClient
from imagemill.contracts.transport import InMemory
from imagemill.contracts.users import Contact
from imagemill.errors import NotFound, Unavailable
from imagemill.notifier.allowance import Allowance
from imagemill.notifier.ask_later import AskLater
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.contacts import RememberedContacts
from imagemill.notifier.facts import Failure
from imagemill.notifier.letters import forget_said
from imagemill.notifier.people import LATER, People
from imagemill.notifier.people_routes import PeopleRoutes
from imagemill.notifier.post import Gateway, Post, Tally
from imagemill.notifier.texts import Said
from tests.notifier.told import Told, telling

HOME: Final = "https://images.example.com"
ADA: Final = Contact(
    account="A",
    email="ada@example.org",
    telephone="+491701234567",
    push=("phone", "tablet"),
    channels={"job.completed": ("mail",), "batch.completed": ("mail", "sms", "push")},
)


class Directory:
    """Contacts by account, and how often somebody asked for one."""

    def __init__(self, *contacts: Contact) -> None:
        self.contacts = {each.account: each for each in contacts}
        self.asked: list[str] = []
        self.is_away = False

    async def contact(self, account: str) -> Contact:
        """Tell a contact."""
        self.asked.append(account)
        if self.is_away:
            raise Unavailable("The users service does not answer.")
        if account not in self.contacts:
            raise NotFound("There is no such account.")
        return self.contacts[account]


class Outbox:
    """A gateway that keeps what it is given, or gives the next of some verdicts."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Said]] = []
        self.verdicts: list[Verdict] = []
        self._news = asyncio.Condition()

    async def sent_so_many(self, count: int) -> None:
        """Wait until so many messages were taken."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.sent) >= count)

    async def send(self, to: str, said: Said) -> Verdict | None:
        """Take a message."""
        if self.verdicts:
            return self.verdicts.pop(0)
        async with self._news:
            self.sent.append((to, said))
            self._news.notify_all()
        return None


class Office:
    """A notifier, who it tells and by what."""

    def __init__(self, told: Told, configured: frozenset[str]) -> None:
        self.told = told
        self.directory = Directory(ADA)
        self.outbox = Outbox()
        self.tally = Tally()
        self.allowance = Allowance(5, told.clock)
        self.failures: tuple[Failure, ...] = ()
        self.contacts = RememberedContacts(self.directory, MemoryCache(told.clock), 5.0)
        people = People(self.contacts, configured, told.clock)
        self.notifier = replace(
            told.notifier, wanted=[people], channels=told.channels, aftermath=forget_said
        )
        told.notifier = self.notifier
        told.channels[LATER] = AskLater(people, told.database, self.notifier.bell)
        for each in configured:
            self.connect(each, self.outbox)
        self.app: FastAPI = self.notifier.app()
        PeopleRoutes(
            told.database, self.contacts, configured, tests_per_hour=2, bell=self.notifier.bell
        ).add_to(self.app)

    def connect(self, channel: str, gateway: Gateway) -> None:
        """Let a channel go out by a gateway."""
        self.told.channels[channel] = Post(
            channel,
            gateway,
            self.contacts,
            self.allowance,
            HOME,
            _signed,
            self._failures,
            self.told.clock,
            self.tally,
        )

    def client(self, account: str = "A", *scopes: str) -> ServiceClient:
        """Give a way to the routes for an account, as the gateway lets it in."""
        identity = Identity(account=account, scopes=frozenset(scopes or {"*"}))
        return ServiceClient(InMemory(self.app), self.notifier.signer, identity)

    @property
    def service(self) -> NotifierClient:
        """What the users service asks by."""
        return NotifierClient(self.client("users", "service"))

    async def notifications(self, query: str = "", account: str = "A") -> dict[str, Any]:
        """Read what an account was told."""
        reply = await self.client(account).call("GET", f"/api/v1/notifications{query}")
        return dict(json.loads(reply.body))

    async def _failures(self, _: str, __: str, most: int) -> tuple[Failure, ...]:
        return self.failures[:most]


@asynccontextmanager
async def office(folder: Path, *configured: str) -> AsyncIterator[Office]:
    """Open a notifier that has these channels."""
    async with telling(folder) as told:
        yield Office(told, frozenset(configured))


def _signed(path: str) -> str:
    return f"{HOME}{path}?signature=abc"
