"""A users service over real SQLite, asked as the gateway asks it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, Request
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import ADDRESS, HEADER, STRANGER, Identity, Signer
from imagemill.contracts.notifier import Channels, Letter
from imagemill.contracts.transport import InMemory
from imagemill.contracts.users import AuditEntry, Credentials, UsersClient
from imagemill.database import Connection
from imagemill.errors import Unavailable
from imagemill.keyring import TOKENS, KeyRing
from imagemill.users.people import Ground, People, people_of
from imagemill.users.service import Users
from imagemill.users.settings import UsersSettings
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked
from tests.peers.engines import database_at

SIGNER = Signer(b"s" * 32)
SERVICE = Identity(account="gateway", scopes=frozenset({"service"}))
ADMIN_KEY = "im_of_the_admin"
_ADD_KEY = """
INSERT INTO api_keys (id, sha256, account, name, prefix, scopes, created_at)
VALUES (substr(:sha256, 1, 16), :sha256, :account, 'a key', 'im_', :scopes, 0)
"""
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


class CountingHash(PasswordHash):
    """Hash with next to no work, and count how often."""

    def __init__(self) -> None:
        super().__init__([Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)])
        self.works = 0
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while a password is checked."""

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.works += 1
        return super().hash(password, salt=salt)

    def verify_and_update(
        self,
        password: str | bytes,
        hash: str | bytes,  # noqa: A002 - the library's name
    ) -> tuple[bool, str | None]:
        self.works += 1
        self.meanwhile()
        return super().verify_and_update(password, hash)


@dataclass
class Ledger:
    """What the service told others."""

    audit: list[AuditEntry] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    departures: list[tuple[str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a letter comes."""
    broken: set[str] = field(default_factory=set)
    """Services that do not answer."""

    def note(self, _: Connection, entry: AuditEntry) -> None:
        self.audit.append(entry)

    @property
    def actions(self) -> list[str]:
        """What was noted, in order."""
        return [each.action for each in self.audit]

    def token(self) -> str:
        """Read the token of the newest letter."""
        return self.letters[-1].text.partition("?token=")[2].split()[0]


@dataclass
class System:
    """The service, and what surrounds it."""

    users: Users
    people: People
    ledger: Ledger
    hasher: CountingHash
    clock: list[float]
    client: httpx2.AsyncClient
    asking: UsersClient
    ring: KeyRing

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        address: str = "192.0.2.1",
        headers: Mapping[str, str] | None = None,
        **sent: Any,  # noqa: ANN401 - what the client takes
    ) -> httpx2.Response:
        """Ask as the gateway does for who shows a token, or for a stranger."""
        identity = await self.who(token) if token else STRANGER
        told = {HEADER: SIGNER.sign(identity), ADDRESS: address, **(headers or {})}
        return await self.client.request(method, path, headers=told, **sent)

    async def as_identity(
        self,
        identity: Identity,
        method: str,
        path: str,
        **sent: Any,  # noqa: ANN401 - as above
    ) -> httpx2.Response:
        """Ask as a gateway does that heard a while ago who calls."""
        headers = {HEADER: SIGNER.sign(identity)}
        return await self.client.request(method, path, headers=headers, **sent)

    async def give_key(self, account: str, key: str, scopes: str) -> None:
        """Let an account have a key."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        row = {"sha256": digest, "account": account, "scopes": scopes}
        await self.users.database.run(lambda each: each.execute(_ADD_KEY, row))

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Read a whole table."""
        statement = f"SELECT * FROM {table}"  # noqa: S608 - a name that a test wrote
        found = await self.users.database.read(lambda each: each.execute(statement))
        return [dict(row) for row in found]

    async def who(self, token: str) -> Identity:
        """Tell who shows a token or a key."""
        return (await self.asking.identify(Credentials(api_key=token))).identity

    async def log_in(
        self, email: str = EMAIL, password: str = PASSWORD, address: str = "192.0.2.1"
    ) -> httpx2.Response:
        """Try to log in."""
        form = {"username": email, "password": password}
        return await self.ask("POST", "/api/v1/auth/login", data=form, address=address)

    async def tokens(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        """Log in, and give what was answered."""
        answer = await self.log_in(email, password)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def register(self, email: str = EMAIL, password: str = PASSWORD) -> httpx2.Response:
        """Make an account of one's own."""
        body = {"email": email, "password": password}
        return await self.ask("POST", "/api/v1/auth/register", json=body)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    mail: bool = False,
    peers: tuple[str, ...] = (),
    **settings: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[System]:
    """Run a users service for a block; `mail` puts a notifier with mail beside it."""
    database, ledger, hasher = database_at(folder / "users.sqlite"), Ledger(), CountingHash()
    clock = [1_900_000_000.0]
    ring = KeyRing(folder / "token-keys", TOKENS, lambda: clock[0])
    names = (*peers, *(["notifier"] if mail else []))
    ground = Ground(
        database=database,
        ring=ring,
        settings=UsersSettings(**{"registration": "open", **settings}),
        public_url="https://images.example.com",
        peers={name: client_of(neighbour(name, ledger)) for name in names},
        note=ledger.note,
        clock=lambda: clock[0],
        hasher=hasher,
        nobody=PasswordHash([Argon2Hasher(1, 8, 1)]).hash("nobody"),
    )
    people = people_of(ground)
    users = Users(database, SIGNER, people)
    await users.start(ADMIN_KEY)
    app = users.app()
    transport = httpx2.ASGITransport(app)
    asking = UsersClient(client_of(app))
    async with httpx2.AsyncClient(transport=transport, base_url="http://evil.example") as client:
        yield System(users, people, ledger, hasher, clock, client, asking, ring)
    await people.close()
    await database.close()


async def refresh(system: System, token: str) -> int:
    """Show a refresh token; give the status."""
    body = {"refresh_token": token}
    return (await system.ask("POST", "/api/v1/auth/refresh", json=body)).status_code


async def refreshed(system: System, token: str) -> dict[str, Any]:
    """Use a refresh token up; give what was answered."""
    answer = await system.ask("POST", "/api/v1/auth/refresh", json={"refresh_token": token})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def neighbour(name: str, ledger: Ledger) -> FastAPI:
    """Make a service that hears what it is told, or answers that it cannot."""
    app = service_app(name, SIGNER)

    def require() -> None:
        if name in ledger.broken:
            raise Unavailable("It does not answer now.")

    async def channels(_: Request, __: Identity) -> Channels:
        require()
        return Channels(configured=frozenset({"mail"}))

    async def keep(request: Request, _: Identity) -> None:
        require()
        ledger.letters.append(await asked(request, Letter))
        ledger.came.set()

    async def depart(request: Request, _: Identity) -> None:
        require()
        ledger.departures.append((name, request.path_params["account"]))

    answer_processes(app, "GET", "/internal/channels", channels)
    answer_processes(app, "POST", "/internal/letters", keep)
    answer_processes(app, "POST", "/internal/accounts/{account}/delete", depart)
    return app


def client_of(app: Any) -> ServiceClient:  # noqa: ANN401 - any ASGI app
    return ServiceClient(InMemory(app), SIGNER, SERVICE)
