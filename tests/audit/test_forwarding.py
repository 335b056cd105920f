"""Entries of the audit log reach the users service, each once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI, Request

from imagemill.audit import records
from imagemill.audit.forwarding import Forwarding
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.transport import InMemory
from imagemill.contracts.users import AuditEntries, AuditEntry, UsersClient
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import Unavailable
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked
from tests.peers.engines import database_at

SIGNER = Signer(b"s" * 32)


class UsersStandIn:
    """As much of a users service as is handed entries."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.is_down = False
        self.drops_answers = False

    def app(self) -> FastAPI:
        app = service_app("Users", SIGNER)
        answer_processes(app, "POST", "/internal/audit", self.take)
        return app

    async def take(self, request: Request, _: Identity) -> None:
        if self.is_down:
            raise Unavailable("Not now.")
        self.kept += [each.id for each in (await asked(request, AuditEntries)).entries]
        if self.drops_answers:
            raise Unavailable("The answer was lost.")


class Pauses:
    """Pauses that pass at once, until there were enough of them."""

    def __init__(self, most: int) -> None:
        self.taken: list[float] = []
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self._most:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = database_at(tmp_path / "images.sqlite")
    await opened.migrate(migrations_of("imagemill.uploads"))
    yield opened
    await opened.close()


@pytest.fixture
def users() -> UsersStandIn:
    return UsersStandIn()


@pytest.fixture
def forwarding(database: Database, users: UsersStandIn) -> Forwarding:
    asking = Identity(account="uploads", scopes=frozenset({"service"}))
    client = UsersClient(ServiceClient(InMemory(users.app()), SIGNER, asking))
    return Forwarding(database, client)


async def put(database: Database, count: int) -> None:
    for number in range(count):
        entry = AuditEntry(id=f"e{number:03}", at=number, account="anna", action="image.deleted")
        await database.run(partial(records.put, entry=entry))


async def waiting(database: Database) -> int:
    return len(await database.read(lambda each: records.oldest(each, 1000)))


@pytest.mark.both_engines
async def test_entries_are_handed_over_in_order_and_forgotten(
    database: Database, users: UsersStandIn, forwarding: Forwarding
) -> None:
    await put(database, 130)

    told = [await forwarding.once() for _ in range(3)]

    assert told == [100, 30, 0]
    assert users.kept == [f"e{number:03}" for number in range(130)]
    assert await waiting(database) == 0


async def test_an_entry_whose_answer_was_lost_is_handed_over_again(
    database: Database, users: UsersStandIn, forwarding: Forwarding
) -> None:
    await put(database, 1)
    users.drops_answers = True

    with pytest.raises(Unavailable):
        await forwarding.once()
    users.drops_answers = False
    await forwarding.once()

    assert users.kept == ["e000", "e000"]
    assert await waiting(database) == 0


async def test_entries_wait_while_nobody_takes_them(
    database: Database, users: UsersStandIn, forwarding: Forwarding
) -> None:
    await put(database, 130)
    users.is_down = True
    failing, going = Pauses(2), Pauses(3)

    with pytest.raises(asyncio.CancelledError):
        await Forwarding(database, forwarding.users, failing).run()
    users.is_down = False
    with pytest.raises(asyncio.CancelledError):
        await Forwarding(database, forwarding.users, going).run()

    assert (failing.taken, going.taken) == ([5.0, 5.0], [0.0, 1.0, 1.0])
    assert len(users.kept) == 130
