"""New passwords: for who knows the old one, for who gets a letter, and by command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from imagemill.audit import Origin, Write
from imagemill.database import Connection, Database
from imagemill.errors import FieldError, Forbidden, InvalidRequest, NotFound
from imagemill.users.account import ADMIN, Account, confirmed
from imagemill.users.addresses import MailAddress, key_of, mail_address
from imagemill.users.attempts import Attempts
from imagemill.users.mailing import Mailing
from imagemill.users.passwords import Passwords, require_good
from imagemill.users.records import accounts, mail_tokens, sessions
from imagemill.users.records.mail_tokens import Purpose
from imagemill.users.session import digest_of


@dataclass(frozen=True, slots=True)
class Recovery:
    """Set passwords."""

    database: Database
    passwords: Passwords
    attempts: Attempts
    mailing: Mailing
    note: Write
    clock: Callable[[], float]

    async def require(self, account: Account, password: str, origin: Origin) -> None:
        """Check that who asks knows the account's password.

        Raises `Forbidden`, `TooManyAttempts`, `Unavailable`.
        """
        await self.attempts.count_account(f"id {account.id}", origin.address, is_familiar=True)
        checked = await self.passwords.check(password, account.password_hash)
        if not checked.is_right:
            told = origin.entry("password.refused", account.id, at=self.clock())
            await self.database.run(lambda each: self.note(each, told))
            raise Forbidden("The password is not right.")
        await self.attempts.forget_account(f"id {account.id}", origin.address)

    async def change(self, account: Account, old: str, new: str, origin: Origin) -> None:
        """Set a new password and end every other session; raises as `require` does."""
        require_good(new, "new_password", unlike=account.email.shown if account.email else "")
        await self.require(account, old, origin)
        hashed = await self.passwords.hash(new)

        def unit(connection: Connection) -> None:
            current = accounts.by_id(connection, account.id)
            accounts.write(connection, replace(current, password_hash=hashed))
            sessions.end_all(connection, account.id, but=origin.session)
            mail_tokens.forget(connection, account.id, Purpose.PASSWORD)
            self.note(connection, origin.entry("password.changed", account.id, at=self.clock()))

        await self.database.run(unit)

    async def forgot(self, email: str, origin: Origin) -> None:
        """Send a token to who forgot the password; nothing shows whether there was anybody.

        That it was asked for is noted for nobody's address too: else the time that a disk takes to
        write would tell which addresses have accounts. Raises `TooManyAttempts`, `Unavailable`,
        whoever is meant.
        """
        await self.attempts.count_address(origin.address)
        name, now = key_of(email), self.clock()
        may_write = await self.mailing.may_write(name)

        def unit(connection: Connection) -> None:
            mail_tokens.forget_old(connection, now)
            account = accounts.by_email(connection, name)
            if account is not None and not account.is_disabled and may_write:
                self.mailing.send_reset(connection, account, now)
            subject = account.id if account else ""
            self.note(connection, origin.entry("password.forgotten", subject, at=now))

        await self.database.run(unit)
        self.mailing.bell()

    async def reset(self, token: str, password: str, origin: Origin) -> str:
        """Set a new password for who shows a token that was sent, and end every session.

        Gives the id of the account. Raises `InvalidRequest`, `TooManyAttempts`, `Unavailable`.
        """
        await self.attempts.count_address(origin.address)
        require_good(password)
        hashed, now, digest = await self.passwords.hash(password), self.clock(), digest_of(token)

        def unit(connection: Connection) -> str | None:
            shown = mail_tokens.take(connection, digest, Purpose.PASSWORD, now)
            if shown is None:
                return None
            account = accounts.by_id(connection, shown.account)
            if account.email and account.email.shown == shown.email:
                account = confirmed(account, account.email, now)
            accounts.write(connection, replace(account, password_hash=hashed))
            sessions.end_all(connection, account.id)
            told = origin.entry("password.reset", account.id, at=now, account=account.id)
            self.note(connection, told)
            return account.id

        account_id = await self.database.run(unit)
        if account_id is None:
            problem = FieldError("token", "does not hold, or no longer; ask for a new one.")
            raise InvalidRequest("The password cannot be set so.", errors=[problem])
        return account_id

    async def set(self, email: str, password: str, origin: Origin) -> Account:
        """Set the password of an account by command, and end every session.

        An address that nobody has becomes that of the first account, if that has none. Raises
        `NotFound`, `InvalidRequest`.
        """
        address = mail_address(email)
        require_good(password, unlike=address.shown)
        hashed = await self.passwords.hash(password)

        def unit(connection: Connection) -> Account:
            account = replace(_meant(connection, address, self.clock()), password_hash=hashed)
            accounts.write(connection, account)
            sessions.end_all(connection, account.id)
            mail_tokens.forget(connection, account.id, Purpose.PASSWORD)
            self.note(connection, origin.entry("password.set", account.id, at=self.clock()))
            return account

        return await self.database.run(unit)


def _meant(connection: Connection, address: MailAddress, now: float) -> Account:
    account = accounts.by_email(connection, address.key)
    if account is None:
        account = accounts.by_id(connection, ADMIN)
        if account.email is not None:
            raise NotFound(f"No account has the address {address.shown}.")
    return confirmed(account, account.email or address, now)
