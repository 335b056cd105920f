"""Logging in, going on, logging out; and who shows a token."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from imagemill.audit import Origin, Write, current_request
from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.errors import NotFound, Unauthenticated
from imagemill.users.account import Account
from imagemill.users.addresses import key_of
from imagemill.users.attempts import Attempts, place
from imagemill.users.passwords import Checked, Passwords
from imagemill.users.records import accounts, keys, sessions
from imagemill.users.session import Session, digest_of, family_of, refresh_token
from imagemill.users.settings import UsersSettings
from imagemill.users.tokens import Claims, TokenForged, Tokens, refused

MOST_SESSIONS: Final = 50
"""Sessions of one account; one more ends the oldest."""
_FAMILIAR_ADDRESSES: Final = 20
WRONG: Final = (
    "The mail address or the password is not right, or the account may not log in now: it waits "
    "for its confirmation, or an admin disabled it."
)
"""One text for every reason, so that it tells nobody which addresses have accounts."""

_NO_REFRESH: Final = "The refresh token does not hold, or no longer; log in again."


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What a client needs to act for somebody."""

    access_token: str
    expires_in: int
    """Seconds for which the access token holds."""
    refresh_token: str


@dataclass(frozen=True, slots=True)
class SigningIn:
    """Sessions over one database."""

    database: Database
    settings: UsersSettings
    passwords: Passwords
    attempts: Attempts
    tokens: Tokens
    note: Write
    clock: Callable[[], float]
    new_id: Callable[[], str]

    async def log_in(self, username: str, password: str, origin: Origin) -> LoggedIn:
        """Begin a session; raises `Unauthenticated`, `TooManyAttempts` or `Unavailable`.

        An account that is not there costs the same work and gets the same answer as a wrong
        password.
        """
        await self.attempts.count_address(origin.address)
        name, address = key_of(username), place(origin.address)
        account, is_familiar = await self.database.read(lambda each: _known(each, name, address))
        await self.attempts.count_account(name, origin.address, is_familiar=is_familiar)
        checked = await self.passwords.check(password, account.password_hash if account else None)
        if account is None or not checked.is_right or not account.may_log_in:
            await self._note_failure(account, origin)
            raise Unauthenticated(WRONG)
        logged_in = await self._begin(account, checked, origin)
        await self.attempts.forget_account(name, origin.address)
        return logged_in

    async def refresh(self, token: str, origin: Origin) -> LoggedIn:
        """Go on with a session: the refresh token is used up, and a new one takes its place.

        One that was used before ends the session, for two have it then, and one of them stole it.
        Raises `Unauthenticated`.
        """
        now, secret, family = self.clock(), secrets.token_urlsafe(32), family_of(token)
        if family is None:
            raise Unauthenticated(_NO_REFRESH)

        def unit(connection: Connection) -> tuple[Session, str] | None:
            session = sessions.by_family(connection, family)
            if session is None or session.expires_at <= now:
                return None
            fresh = refresh_token(session.family, secret)
            if self._goes_on(connection, session, token, fresh, now):
                return session, fresh
            sessions.end(connection, session.id)
            told = origin.entry("token.reused", session.id, at=now, account=session.account)
            self.note(connection, told)
            return None

        found = await self.database.run(unit)
        if found is None:
            raise Unauthenticated(_NO_REFRESH)
        session, fresh = found
        return self._logged_in(session, fresh, now)

    async def log_out(self, session_id: str, origin: Origin) -> None:
        """End a session, and with it every token that it got."""

        def unit(connection: Connection) -> None:
            sessions.end(connection, session_id)
            self.note(connection, origin.entry("logout", session_id, at=self.clock()))

        await self.database.run(unit)

    async def identify(self, token: str) -> Identity:
        """Tell who shows an access token; raises `Unauthenticated`, at once after a logout."""
        try:
            claims = self.tokens.read(token)
        except TokenForged:
            await self._note_forgery()
            raise
        account = await self.database.read(lambda each: self._present(each, claims))
        return Identity(
            account=account.id,
            role=account.role,
            scopes=account.role.scopes,
            session=claims.session,
        )

    async def present(self, caller: Identity) -> Account:
        """Find the caller's account; raises `Unauthenticated` where the caller is gone by now.

        The gateway trusts what it heard for some seconds; what is asked here is asked anew.
        """

        def unit(connection: Connection) -> Account:
            if caller.session is not None:
                return self._present(connection, Claims(caller.account, caller.session))
            account = present(connection, caller.account)
            if caller.key_id is not None:
                keys.require_live(connection, account.id, caller.key_id, self.clock())
            return account

        return await self.database.read(unit)

    def _present(self, connection: Connection, claims: Claims) -> Account:
        session = sessions.by_id(connection, claims.session)
        if session is None or session.account != claims.account:
            raise refused()
        if session.expires_at <= self.clock():
            raise refused()
        return present(connection, claims.account)

    async def _begin(self, account: Account, checked: Checked, origin: Origin) -> LoggedIn:
        now, family, secret = self.clock(), secrets.token_hex(16), secrets.token_urlsafe(32)
        token = refresh_token(family, secret)
        until = now + min(self.settings.refresh_token_s, self.settings.session_s)
        session = Session(self.new_id(), account.id, family, digest_of(token), now, until)

        def unit(connection: Connection) -> None:
            current = _unchanged(connection, account)
            if checked.fresh_hash:
                accounts.write(connection, replace(current, password_hash=checked.fresh_hash))
            sessions.add(connection, session, MOST_SESSIONS)
            at = place(origin.address)
            accounts.see(connection, account.id, at, now, _FAMILIAR_ADDRESSES)
            told = origin.entry("login.succeeded", session.id, at=now, account=account.id)
            self.note(connection, told)

        await self.database.run(unit)
        return self._logged_in(session, token, now)

    def _goes_on(
        self, connection: Connection, session: Session, old: str, new: str, now: float
    ) -> bool:
        last = session.created_at + self.settings.session_s
        until = min(now + self.settings.refresh_token_s, last)
        return sessions.go_on(connection, session, digest_of(old), digest_of(new), until)

    def _logged_in(self, session: Session, fresh: str, now: float) -> LoggedIn:
        access = self.tokens.issue(session.account, session.id, now)
        return LoggedIn(access, self.settings.access_token_s, fresh)

    async def _note_failure(self, account: Account | None, origin: Origin) -> None:
        told = origin.entry("login.failed", account.id if account else "", at=self.clock())
        await self.database.run(lambda each: self.note(each, told))

    async def _note_forgery(self) -> None:
        """Note a token that was never ours; a flood of them is not worth a row each."""
        if await self.attempts.is_worth_noting("token.refused"):
            told = Origin(request_id=current_request()).entry("token.refused", at=self.clock())
            await self.database.run(lambda each: self.note(each, told), durable=False)


def present(connection: Connection, account_id: str) -> Account:
    """Find an account that may come in; raises `Unauthenticated`."""
    try:
        account = accounts.by_id(connection, account_id)
    except NotFound as error:
        raise Unauthenticated("The account is not there any more.") from error
    if account.is_disabled:
        raise Unauthenticated("The account is disabled; ask an admin.")
    return account


def _unchanged(connection: Connection, account: Account) -> Account:
    """Look again whether an account may log in, since checking its password took a while."""
    assert account.email is not None
    current = accounts.by_email(connection, account.email.key)
    if (
        current is None
        or not current.may_log_in
        or (current.id, current.password_hash) != (account.id, account.password_hash)
    ):
        raise Unauthenticated(WRONG)
    return current


def _known(connection: Connection, name: str, address: str) -> tuple[Account | None, bool]:
    account = accounts.by_email(connection, name)
    account_id = account.id if account else ""
    return account, accounts.is_familiar(connection, account_id, address)
