"""API keys over a database: made, changed, given new secrets, revoked, and known again."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from imagemill.audit import Note
from imagemill.contracts.identity import Identity
from imagemill.contracts.users import Admitted
from imagemill.database import Connection, Database
from imagemill.errors import Conflict, FieldError, Forbidden, InvalidRequest, TooMany, Unavailable
from imagemill.users import key_scopes
from imagemill.users.key import (
    Key,
    KeyChange,
    KeyPatch,
    KeyRequest,
    changed,
    expiry_of,
    says_expiry,
)
from imagemill.users.key_settings import KeysSettings
from imagemill.users.records import keys as records

_SECRET_BYTES: Final = 32
_PREFIX_BYTES: Final = 4
_ID_BYTES: Final = 8
_USE_NOTED_EVERY_S: Final = 60.0

Keep = Callable[[Connection, Key], None]
"""Write what belongs into the transaction in which a key gets a secret."""
Present = Callable[[Identity], Awaitable[object]]
"""Raise `Unauthenticated` for a person whose login or account is gone by now.

The gateway trusts what it heard for some seconds, and a key made in them would last.
"""


async def nobody_leaves(_: Identity) -> None:
    """Take everybody for present, where nobody logs in."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of all accounts; every question names the account whose they are."""

    database: Database
    settings: KeysSettings
    clock: Callable[[], float] = time.time
    random: Callable[[int], bytes] = secrets.token_bytes
    present: Present = nobody_leaves

    async def admitted(self, shown: str) -> Admitted:
        """Tell who shows a secret; raises `Unauthenticated`. Its use is noted once a minute."""
        now = self.clock()
        key = await self.database.read(lambda each: records.find(each, digest_of(shown), now))
        if (key.last_used_at or 0.0) < now - _USE_NOTED_EVERY_S:
            # Nobody is kept out because it cannot be noted that he came in.
            with suppress(Unavailable):
                await self.database.run(
                    lambda each: records.used(each, key.key_id, now, _USE_NOTED_EVERY_S),
                    durable=False,
                )
        return key.admitted

    async def make(
        self, caller: Identity, request: KeyRequest, note: Note, keep: Keep
    ) -> tuple[Key, str]:
        """Make a key for the caller's account, and give its secret, which is kept nowhere.

        Raises `InvalidRequest` for scopes or an end beyond the caller's own, `Forbidden` for a
        caller that may make none, `TooMany`.
        """
        await self.present(caller)
        now, (secret, prefix) = self.clock(), self._minted()
        key_id = self.random(_ID_BYTES).hex()

        def unit(connection: Connection) -> Key:
            maker = _decider(connection, caller, now)
            role = records.role_of(connection, caller.account)
            key_scopes.check(request.scopes, caller.scopes, role)
            self._refuse_one_more(records.count(connection, caller.account))
            bare = Key(
                key_id=key_id,
                account=caller.account,
                name=request.name,
                prefix=prefix,
                sha256=digest_of(secret),
                scopes=frozenset(request.scopes),
                created_at=now,
                role=role,
                expires_at=_within(expiry_of(request, now), maker, is_said=says_expiry(request)),
            )
            key = changed(bare, request)
            records.add(connection, key)
            note(connection, key.key_id)
            keep(connection, key)
            return key

        return await self.database.run(unit), secret

    async def listed(self, account: str, before: float, before_id: str, most: int) -> list[Key]:
        """Read an account's keys that are not revoked, the newest first."""
        return await self.database.read(
            lambda each: records.listed(each, account, before, before_id, most)
        )

    async def get(self, account: str, key_id: str) -> Key:
        """Read one of an account's keys, a revoked one too; raises `NotFound`."""
        return await self.database.read(lambda each: records.key_of(each, account, key_id))

    async def set_own(self, caller: Identity, key_id: str, change: KeyChange, note: Note) -> Key:
        """Set how the jobs of the calling key are tried; raises `NotFound` when it is gone."""

        def unit(connection: Connection) -> Key:
            key = changed(records.key_of(connection, caller.account, key_id), change)
            records.write(connection, key)
            note(connection, key_id)
            return key

        return await self.database.run(unit)

    async def change(self, caller: Identity, key_id: str, patch: KeyPatch, note: Note) -> Key:
        """Change a key; raises like `make`, and `NotFound`, and `Conflict` for a revoked one."""
        await self.present(caller)
        now = self.clock()

        def unit(connection: Connection) -> Key:
            maker = _decider(connection, caller, now)
            old = _theirs(connection, caller, key_id)
            key = changed(old, patch)
            if patch.scopes is not None:
                key_scopes.check(patch.scopes, caller.scopes, old.role)
                key = replace(key, scopes=frozenset(patch.scopes))
            if says_expiry(patch):
                key = replace(key, expires_at=_within(expiry_of(patch, now), maker, is_said=True))
            records.write(connection, key)
            note(connection, key_id)
            return key

        return await self.database.run(unit)

    async def rotate(
        self, caller: Identity, key_id: str, overlap_s: float, note: Note, keep: Keep
    ) -> tuple[Key, str]:
        """Give a key a new secret; the old one opens for so long as well, an older one no more.

        Raises like `change`, `Conflict` for the generated key, whose file decides, and `Forbidden`
        for one that lives longer than the calling key, which would have its secret then.
        """
        await self.present(caller)
        now, (secret, prefix) = self.clock(), self._minted()

        def unit(connection: Connection) -> Key:
            maker = _decider(connection, caller, now)
            old = _theirs(connection, caller, key_id)
            _refuse_outliving(old, maker)
            if old.is_generated:
                raise Conflict(
                    "The first key is made from its file: remove the file and start again."
                )
            key = replace(
                old,
                prefix=prefix,
                sha256=digest_of(secret),
                previous_sha256=old.sha256,
                previous_until=now + overlap_s,
            )
            records.write(connection, key)
            note(connection, key_id)
            keep(connection, key)
            return key

        return await self.database.run(unit), secret

    async def revoke(self, caller: Identity, key_id: str, note: Note) -> Key:
        """End a key for good; raises `NotFound`, `Forbidden` for one that holds more.

        A key that was revoked before stays so.
        """
        now = self.clock()

        def unit(connection: Connection) -> Key:
            key = records.key_of(connection, caller.account, key_id)
            if key.revoked_at is not None:
                return key
            _refuse_beyond(caller, key)
            key = replace(key, revoked_at=now)
            records.write(connection, key)
            note(connection, key_id)
            return key

        return await self.database.run(unit)

    def _minted(self) -> tuple[str, str]:
        """Make a secret, and tell what of it may be seen."""
        prefix = f"im_{self.random(_PREFIX_BYTES).hex()}"
        random = base64.urlsafe_b64encode(self.random(_SECRET_BYTES)).decode().rstrip("=")
        return f"{prefix}_{random}", prefix

    def _refuse_one_more(self, there: int) -> None:
        most = self.settings.max_per_account
        if there >= most:
            raise TooMany(
                f"An account may have {most} keys; revoke one that nobody uses.",
                limit={"max_keys": most},
            )


def digest_of(api_key: str) -> str:
    """Give the form in which a key is kept: its SHA-256, in hexadecimal."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def _decider(connection: Connection, caller: Identity, now: float) -> Key | None:
    """Find the key that is calling; None for a person who logged in.

    Raises `Forbidden` where it may decide about no key: it ended meanwhile, or has a rate or a
    quota of its own, which it could escape through another key.
    """
    if caller.key_id is None:
        return None
    key = records.key_of(connection, caller.account, caller.key_id)
    if not key.is_live(now):
        raise Forbidden("The calling key was revoked or has ended; it decides about no key.")
    if key.is_bounded:
        raise Forbidden(
            "The calling key has a rate or a quota of its own, so it makes and changes no keys. "
            "Log in, or use a key without one."
        )
    return key


def _theirs(connection: Connection, caller: Identity, key_id: str) -> Key:
    """Find a key that the caller may change."""
    key = records.key_of(connection, caller.account, key_id)
    if key.revoked_at is not None:
        raise Conflict("The key was revoked; make a new one.")
    _refuse_beyond(caller, key)
    return key


def _refuse_beyond(caller: Identity, key: Key) -> None:
    if not key_scopes.held(key.scopes, key.role) <= key_scopes.held(caller.scopes, key.role):
        raise Forbidden("The key holds scopes that the caller does not have.")


def _refuse_outliving(key: Key, maker: Key | None) -> None:
    most = maker.expires_at if maker else None
    if most is not None and (key.expires_at is None or key.expires_at > most):
        raise Forbidden(
            "The key ends later than the calling key, which would outlive itself by its new secret."
        )


def _within(expires_at: float | None, maker: Key | None, *, is_said: bool) -> float | None:
    """Let no key outlive the one that made it; where no end is said, they end together."""
    most = maker.expires_at if maker else None
    if most is None or (expires_at is not None and expires_at <= most):
        return expires_at
    if not is_said:
        return most
    problem = "must not be later than the end of the calling key."
    raise InvalidRequest(
        "The key cannot outlive its maker.", errors=[FieldError("expires_at", problem)]
    )
