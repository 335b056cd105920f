"""How the users service starts, and what commands do beside it."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
)
from contextlib import AsyncExitStack, asynccontextmanager

from imagemill.assembly.health import users_health
from imagemill.assembly.hearing import hearing
from imagemill.assembly.key_files import check, ring, secret
from imagemill.assembly.parts import Parts, make_private
from imagemill.contracts.transport import ASGIApp
from imagemill.database import Database
from imagemill.settings import ADMIN_KEY, TOKEN_KEYS, Settings
from imagemill.users.accounts import KEEPERS
from imagemill.users.people import Ground, People, people_of
from imagemill.users.records import audit
from imagemill.users.service import Users
from imagemill.web.health import tell_health


async def start_users(parts: Parts) -> ASGIApp:
    """Start the users service."""
    parts.admin_key = secret(parts.settings, ADMIN_KEY)
    database = parts.database("users")
    people = people_of(_ground(parts, database))
    parts.opened.push_async_callback(people.close)
    users = Users(database, parts.signer, people, parts.settings.keys, parts.settings.audit)
    await users.start(parts.admin_key)
    errands = people.errands
    parts.loops += [errands.run, users.audit.sweep, hearing(database, lambda _: errands.ring())]
    app = users.app()
    tell_health(app, users_health(database))
    return app


def _ground(parts: Parts, database: Database) -> Ground:
    settings = parts.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Ground(
        database=database,
        ring=ring(settings, TOKEN_KEYS),
        settings=settings.users,
        public_url=settings.public_url,
        link_url=settings.public_url or f"http://{host}:{settings.port}",
        peers={name: parts.later(name, "users") for name in KEEPERS if parts.is_known(name)},
        linger_s=settings.gateway.identity_cache_s,
        note=audit.add,
    )


@asynccontextmanager
async def people_beside(settings: Settings) -> AsyncIterator[People]:
    """Open the accounts of a data folder, beside the services that use it or without any.

    Raises `Unavailable` when the database cannot be opened or written.
    """
    async with AsyncExitStack() as opened:
        parts = Parts(settings, opened)
        check(settings, ("users",))
        if parts.is_data_needed(("users",)):
            make_private(settings.data)
        database = parts.database("users")
        people = people_of(_ground(parts, database))
        opened.push_async_callback(people.close)
        await Users(database, parts.signer, people).start(secret(settings, ADMIN_KEY))
        yield people
