"""The users service: lets people in, tells who shows a key or a token, and keeps the audit log."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from imagemill.audit.settings import AuditSettings
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.users import Admitted, Contact, Credentials, OfAccount
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.users.account import ADMIN
from imagemill.users.account_routes import add_account
from imagemill.users.admin_routes import add_admin
from imagemill.users.audit import Audit
from imagemill.users.audit_routes import add_audit
from imagemill.users.current_key import add_current_key
from imagemill.users.forms import FORMS
from imagemill.users.key_routes import add_keys
from imagemill.users.key_settings import KeysSettings
from imagemill.users.keys import Keys, digest_of, nobody_leaves
from imagemill.users.people import People
from imagemill.users.records import keys as records
from imagemill.users.signing_in_routes import add_signing_in
from imagemill.users.tokens import looks_like_token
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked

__all__ = ["Users", "digest_of"]


@dataclass(frozen=True, slots=True)
class Users:
    """Accounts and keys over one database."""

    database: Database
    signer: Signer
    people: People | None = None
    """Who logs in with a password; None where only keys are let in."""
    key_settings: KeysSettings = field(default_factory=KeysSettings)
    audit_settings: AuditSettings = field(default_factory=AuditSettings)

    async def start(self, admin_key: str) -> None:
        """Bring the schema up to date and let the generated key in."""
        await self.database.migrate(migrations_of("imagemill.users"))
        digest, now = digest_of(admin_key), time.time()
        await self.database.run(lambda each: records.ensure_admin(each, ADMIN, digest, now))

    @property
    def keys(self) -> Keys:
        """The API keys."""
        present = self.people.signing_in.present if self.people else nobody_leaves
        return Keys(self.database, self.key_settings, present=present)

    @property
    def audit(self) -> Audit:
        """The log of who did what."""
        return Audit(self.database, self.audit_settings)

    def app(self) -> FastAPI:
        """Make the HTTP side."""
        app = service_app("Imagemill users", self.signer, *FORMS)
        answer_processes(app, "POST", "/internal/identify", self.identify)
        add_current_key(app, self.keys)
        add_keys(app, self.keys)
        add_audit(app, self.audit)
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
        return await self.keys.admitted(shown)

    async def contact(self, request: Request, _: Identity) -> Contact:
        """Tell how and where an account's owner is told."""
        assert self.people is not None
        return await self.people.accounts.contact((await asked(request, OfAccount)).account)
