"""The users service: tells who shows a key or a token, and lets people in."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.scopes import Role, allows
from imagemill.contracts.users import Admitted, Contact, Credentials, OfAccount
from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.users.account import ADMIN
from imagemill.users.account_routes import add_account
from imagemill.users.admin_routes import add_admin
from imagemill.users.current_key import add_current_key
from imagemill.users.forms import FORMS
from imagemill.users.people import People
from imagemill.users.records import keys as records
from imagemill.users.signing_in import present
from imagemill.users.signing_in_routes import add_signing_in
from imagemill.users.tokens import looks_like_token
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked


@dataclass(frozen=True, slots=True)
class Users:
    """Accounts and keys over one database."""

    database: Database
    signer: Signer
    people: People | None = None
    """Who logs in with a password; None where only keys are let in."""

    async def start(self, admin_key: str) -> None:
        """Bring the schema up to date and let the generated key in."""
        await self.database.migrate(migrations_of("imagemill.users"))
        digest, now = digest_of(admin_key), time.time()
        await self.database.run(lambda each: records.ensure_admin(each, ADMIN, digest, now))

    def app(self) -> FastAPI:
        """Make the HTTP side."""
        app = service_app("Imagemill users", self.signer, *FORMS)
        answer_processes(app, "POST", "/internal/identify", self.identify)
        add_current_key(app, self.database)
        if self.people is not None:
            answer_processes(app, "POST", "/internal/contact", self.contact)
            add_signing_in(app, self.people)
            add_account(app, self.people)
            add_admin(app, self.people)
        return app

    async def identify(self, request: Request, _: Identity) -> Admitted:
        """Tell whose key or token this is."""
        shown = (await asked(request, Credentials)).api_key
        if self.people is not None and looks_like_token(shown):
            return Admitted(identity=await self.people.signing_in.identify(shown))
        digest = digest_of(shown)
        return Admitted(identity=await self.database.read(lambda each: _of_key(each, digest)))

    async def contact(self, request: Request, _: Identity) -> Contact:
        """Tell how and where an account's owner is told."""
        assert self.people is not None
        return await self.people.accounts.contact((await asked(request, OfAccount)).account)


def _of_key(connection: Connection, sha256: str) -> Identity:
    """Tell who shows a key: it may do no more than the role of its account."""
    identity = records.find(connection, sha256).identity
    role = present(connection, identity.account).role
    return identity.model_copy(update={"role": role, "scopes": cut(identity.scopes, role)})


def cut(held: frozenset[str], role: Role) -> frozenset[str]:
    """Give the scopes that a key holds, written out, as far as a role has them."""
    return frozenset(scope for scope in role.scopes if allows(held, scope))


def digest_of(api_key: str) -> str:
    """Give the form in which a key is kept: its SHA-256, in hexadecimal."""
    return hashlib.sha256(api_key.encode()).hexdigest()
