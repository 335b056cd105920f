"""A users service with keys: real database, asked over HTTP as the gateway asks it, own clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import ADDRESS, HEADER, Identity, Signer
from imagemill.contracts.scopes import Role
from imagemill.contracts.transport import InMemory
from imagemill.contracts.users import Admitted, Credentials, UsersClient
from imagemill.database import Connection, Row
from imagemill.users.key_settings import KeysSettings
from imagemill.users.keys import digest_of
from imagemill.users.service import Users
from tests.peers.engines import database_at, order_of_writing

KEYS: Final = "/api/v1/api-keys"
ADMIN_KEY: Final = "im_of_the_first_start"
SIGNER: Final = Signer(b"s" * 32)
ADMIN: Final = Identity(
    account="admin", scopes=frozenset({"*"}), role=Role.ADMIN, key_id=digest_of(ADMIN_KEY)[:16]
)
ANNA: Final = Identity(account="anna", scopes=Role.USER.scopes, role=Role.USER)
BELA: Final = Identity(account="bela", scopes=Role.USER.scopes, role=Role.USER)
_PROCESS: Final = Identity(account="gateway", scopes=frozenset({"service"}))


@dataclass
class Keyed:
    """The service, and what tests ask of it."""

    users: Users
    http: httpx2.AsyncClient
    client: UsersClient = field(init=False)

    def __post_init__(self) -> None:
        """Speak to it as other services do, too."""
        service = ServiceClient(InMemory(self.users.app()), SIGNER, _PROCESS)
        self.client = UsersClient(service)

    async def ask(
        self,
        method: str,
        path: str,
        caller: Identity = ANNA,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Ask a public route as the gateway passes it on."""
        ours = {HEADER: SIGNER.sign(caller), ADDRESS: "203.0.113.7"}
        return await self.http.request(method, path, headers={**(headers or {}), **ours}, json=json)

    async def made(self, caller: Identity = ANNA, **wanted: object) -> dict[str, Any]:
        """Make a key that may do what is asked for, by default all about jobs."""
        json = {"name": "website", "scopes": ["jobs:*"], **wanted}
        answer = await self.ask("POST", KEYS, caller, json)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def admitted(self, key: str) -> Admitted:
        """Show a key."""
        return await self.client.identify(Credentials(api_key=key))

    async def calling(self, **wanted: Any) -> Identity:  # noqa: ANN401 - fields of a request
        """Make a key for Anna and be who shows it."""
        made = await self.made(**wanted)
        return (await self.admitted(made["key"])).identity

    async def actions(self) -> list[tuple[str, str]]:
        """Read the whole audit log: actions and who did them, the first one first."""

        def unit(connection: Connection) -> list[Row]:
            order = order_of_writing(connection)
            return connection.execute(f"SELECT action, account FROM audit ORDER BY at, {order}")  # noqa: S608 - the engine's own column

        rows = await self.users.database.read(unit)
        return [(row["action"], row["account"]) for row in rows]

    async def execute(self, statement: str, **values: object) -> list[Any]:
        """Change rows behind the service's back, or look at them."""
        return await self.users.database.run(lambda each: list(each.execute(statement, values)))


@asynccontextmanager
async def keyed(folder: Path, **settings: int) -> AsyncIterator[Keyed]:
    """Run the service with the accounts admin, anna and bela."""
    database = database_at(folder / "users.sqlite")
    users = Users(database, SIGNER, key_settings=KeysSettings.model_validate(settings))
    await users.start(ADMIN_KEY)
    await database.run(
        lambda each: each.execute(
            "INSERT INTO accounts (id, created_at) VALUES ('anna', 0), ('bela', 0)"
        )
    )
    transport = httpx2.ASGITransport(users.app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://users") as http:
        yield Keyed(users, http)
    await database.close()
