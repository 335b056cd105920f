"""The users service: tells who shows a key, keeps keys, and keeps the audit log."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI, Request

from imagemill.audit.settings import AuditSettings
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.users import Admitted, Credentials
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.users.audit import Audit
from imagemill.users.audit_routes import add_audit
from imagemill.users.current_key import add_current_key
from imagemill.users.key_routes import add_keys
from imagemill.users.key_settings import KeysSettings
from imagemill.users.keys import Keys, digest_of
from imagemill.users.records import keys as records
from imagemill.web import service_app
from imagemill.web.internal import answer_processes, asked

__all__ = ["ADMIN", "Users", "digest_of"]

ADMIN: Final = "admin"
"""Id of the account that the first start makes."""


@dataclass(frozen=True, slots=True)
class Users:
    """Accounts and keys over one database."""

    database: Database
    signer: Signer
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
        return Keys(self.database, self.key_settings)

    @property
    def audit(self) -> Audit:
        """The log of who did what."""
        return Audit(self.database, self.audit_settings)

    def app(self) -> FastAPI:
        """Make the HTTP side."""
        app = service_app("Imagemill users", self.signer)
        answer_processes(app, "POST", "/internal/identify", self.identify)
        add_current_key(app, self.keys)
        add_keys(app, self.keys)
        add_audit(app, self.audit)
        return app

    async def identify(self, request: Request, _: Identity) -> Admitted:
        """Tell whose key this is."""
        shown = await asked(request, Credentials)
        return await self.keys.admitted(shown.api_key)
