"""How the users service starts, and what commands do beside it."""

from __future__ import annotations

import time
from collections.abc import (
    AsyncIterator,
)
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from imagemill import keys
from imagemill.assembly.health import users_health
from imagemill.assembly.parts import Parts, make_private
from imagemill.contracts.transport import ASGIApp
from imagemill.database import Database
from imagemill.keyring import TOKENS, URLS, KeyRing
from imagemill.settings import Settings
from imagemill.users.accounts import KEEPERS
from imagemill.users.people import Ground, People, people_of
from imagemill.users.records import audit
from imagemill.users.service import Users
from imagemill.web.health import tell_health


async def start_users(parts: Parts) -> ASGIApp:
    """Start the users service."""
    path = admin_key_file(parts.settings)
    parts.admin_key = keys.read_or_make(path, prefix=keys.ADMIN_KEY_PREFIX)
    database = parts.database("users")
    people = people_of(_ground(parts, database))
    parts.opened.push_async_callback(people.close)
    users = Users(database, parts.signer, people, parts.settings.keys, parts.settings.audit)
    await users.start(parts.admin_key)
    parts.loops += [people.errands.run, users.audit.sweep]
    app = users.app()
    tell_health(app, users_health(database))
    return app


def _ground(parts: Parts, database: Database) -> Ground:
    settings = parts.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Ground(
        database=database,
        ring=KeyRing(settings.data / "token-keys", TOKENS),
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
        make_private(settings.data)
        database = parts.database("users")
        people = people_of(_ground(parts, database))
        opened.push_async_callback(people.close)
        key = keys.read_or_make(admin_key_file(settings), prefix=keys.ADMIN_KEY_PREFIX)
        await Users(database, parts.signer, people).start(key)
        yield people


def rotate_keys(settings: Settings) -> dict[str, str]:
    """Put new keys in front of those that sign access tokens and URLs; give their ids by ring.

    Raises `Unavailable` when a file cannot be written.
    """
    make_private(settings.data)
    rings = {TOKENS: settings.data / "token-keys", URLS: settings.data / "url-keys"}
    return {kind.name: KeyRing(path, kind).rotate(time.time()).id for kind, path in rings.items()}


def admin_key_file(settings: Settings) -> Path:
    """Tell where the generated API key lies."""
    return settings.admin_key_file or settings.data / "admin-key"
