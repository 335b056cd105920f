"""The users service: tells who shows a key, and what is set for it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.users import Admitted, Credentials
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.users.current_key import add_current_key
from imagemill.users.records import keys as records
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked

ADMIN: Final = "admin"
"""Id of the account that the first start makes."""


@dataclass(frozen=True, slots=True)
class Users:
    """Accounts and keys over one database."""

    database: Database
    signer: Signer

    async def start(self, admin_key: str) -> None:
        """Bring the schema up to date and let the generated key in."""
        await self.database.migrate(migrations_of("imagemill.users"))
        digest, now = digest_of(admin_key), time.time()
        await self.database.run(lambda each: records.ensure_admin(each, ADMIN, digest, now))

    def app(self) -> FastAPI:
        """Make the HTTP side."""
        app = service_app("Imagemill users", self.signer)
        answer_processes(app, "POST", "/internal/identify", self.identify)
        add_current_key(app, self.database)
        return app

    async def identify(self, request: Request, _: Identity) -> Admitted:
        """Tell whose key this is."""
        shown = await asked(request, Credentials)
        digest = digest_of(shown.api_key)
        key = await self.database.read(lambda each: records.find(each, digest))
        return Admitted(identity=key.identity)


def digest_of(api_key: str) -> str:
    """Give the form in which a key is kept: its SHA-256, in hexadecimal."""
    return hashlib.sha256(api_key.encode()).hexdigest()
