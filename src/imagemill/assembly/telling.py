"""How people are told: the gateways that are configured, and what the notifier does with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from imagemill.assembly.parts import Parts
from imagemill.cache.memory import MemoryCache
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.users import UsersClient
from imagemill.database import Connection, Database
from imagemill.notifier.allowance import Allowance
from imagemill.notifier.ask_later import AskLater
from imagemill.notifier.channels import Channel, Outcome
from imagemill.notifier.channels.apprise import Gateway, Limits
from imagemill.notifier.contacts import RememberedContacts
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.facts import Failure, reason_of
from imagemill.notifier.people import CHANNELS, LATER, People
from imagemill.notifier.people_routes import PeopleRoutes
from imagemill.notifier.post import Failures, Post, Tally
from imagemill.notifier.sender import Aftermath
from imagemill.notifier.service import Notifier
from imagemill.notifier.settings import NotifierSettings
from imagemill.signing import LONGEST_S
from imagemill.web.links import FileLinks, LinkRequest


@dataclass(frozen=True, slots=True)
class Means:
    """What telling people needs."""

    database: Database
    jobs: JobsClient
    bell: asyncio.Event
    """Rung when something is owed."""
    links: FileLinks


@dataclass(frozen=True, slots=True)
class Telling:
    """The channels to people of one notifier."""

    contacts: RememberedContacts
    channels: dict[str, Channel]
    """Those that have a gateway, by name, and the one that finds out whom to tell."""
    people: People
    tests_per_hour: int
    tally: Tally = field(default_factory=Tally)

    def answer(self, app: FastAPI, notifier: Notifier) -> None:
        """Let the notifier's app answer what is asked about people."""
        routes = PeopleRoutes(
            database=notifier.database,
            contacts=self.contacts,
            configured=self.people.configured,
            tests_per_hour=self.tests_per_hour,
            bell=notifier.bell,
        )
        routes.add_to(app)

    def health(self) -> dict[str, Any]:
        """Tell how many messages went out, and how many tries failed, by channel."""
        return self.tally.seen()


def telling_of(parts: Parts, means: Means) -> Telling:
    """Open the gateways that are configured; raises `InvalidRequest` naming a wrong setting."""
    home, sign, jobs = means.links.base, _signing(means.links), means.jobs
    settings = parts.settings.notifier
    gateways = gateways_of(settings)
    for gateway in gateways.values():
        parts.opened.callback(gateway.close)
    users = UsersClient(parts.client("users", "notifier"))
    contacts = RememberedContacts(users, MemoryCache(time.monotonic), settings.remember_contacts_s)
    allowance, tally = Allowance(settings.messages_per_day, time.time), Tally()
    channels: dict[str, Channel] = {
        name: Post(name, each, contacts, allowance, home, sign, failures_of(jobs), time.time, tally)
        for name, each in gateways.items()
    }
    people = People(contacts, frozenset(gateways), time.time)
    channels[LATER] = AskLater(people, means.database, means.bell)
    return Telling(contacts, channels, people, settings.tests_per_hour, tally)


def _signing(links: FileLinks) -> Callable[[str], str]:
    """Make what gives, of a path, an address that needs no login for as long as may be."""
    wanted = LinkRequest(expires_in_s=LONGEST_S)
    return lambda path: links.signed(path, wanted).url


def gateways_of(settings: NotifierSettings, names: Iterable[str] = CHANNELS) -> dict[str, Gateway]:
    """Open the gateways of these channels that are configured; raises `InvalidRequest`."""
    # A sending that outlived its lease would be made twice.
    timeout_s = min(settings.gateway_timeout_s, settings.delivery_lease_s * 0.8)
    limits = Limits(settings.deliveries_per_host, timeout_s)
    urls = {name: settings.gateway_url(name) for name in names}
    return {name: Gateway.opened(name, url, limits) for name, url in urls.items() if url}


def failures_of(jobs: JobsClient) -> Failures:
    """Make what looks up the failures of a batch at the jobs service."""

    async def failures(batch_id: str, owner: str, most: int) -> tuple[Failure, ...]:
        found = await jobs.failures(batch_id, owner=owner, most=most)
        refused = [
            Failure(str(each.get("name") or f"item {each.get('position')}"), reason_of(each))
            for each in found.refused
        ]
        failed = [Failure(str(each.get("job_id")), reason_of(each)) for each in found.jobs]
        return tuple([*refused, *failed][:most])

    return failures


def in_turn(*works: Aftermath) -> Aftermath:
    """Make one aftermath of several."""

    def all_of_them(connection: Connection, delivery: Delivery, outcome: Outcome) -> None:
        for each in works:
            each(connection, delivery, outcome)

    return all_of_them
