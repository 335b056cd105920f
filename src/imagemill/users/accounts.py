"""What is done with accounts: by their owners, and by admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from imagemill.audit import Origin, Write
from imagemill.contracts.scopes import Role
from imagemill.contracts.users import AuditEntry, Contact
from imagemill.database import Connection, Database
from imagemill.errors import Conflict
from imagemill.users import preferences
from imagemill.users.account import Account, confirmed
from imagemill.users.addresses import MailAddress, mail_address
from imagemill.users.errand import Errand, Kind
from imagemill.users.mailing import Mailing
from imagemill.users.passwords import Passwords, require_good
from imagemill.users.records import accounts, errands, sessions
from imagemill.users.recovery import Recovery

KEEPERS: Final = ("jobs", "uploads", "notifier")
"""Services that keep things of accounts, and are told when one goes."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts over one database."""

    database: Database
    passwords: Passwords
    recovery: Recovery
    mailing: Mailing
    note: Write
    clock: Callable[[], float]
    new_id: Callable[[], str]
    bell: Callable[[], None]
    """Tells that there is something to deliver."""
    linger_s: float = 0.0
    """Seconds for which a gateway may let in who is gone; what is made then must go too."""

    async def named(self, account: Account, name: str | None) -> Account:
        """Set what the owner is called."""
        return await self._change(account.id, lambda found: replace(found, name=name), None)

    async def move(self, account: Account, email: str, password: str, origin: Origin) -> Account:
        """Give an account another mail address, or ask by mail at the new one whether it is its.

        Where no mail is sent, the address changes at once. Raises `Forbidden` for a wrong
        password, `InvalidRequest`, `Conflict` for an address that has an account, `Unavailable`.
        """
        address = mail_address(email)
        await self.recovery.require(account, password, origin)
        is_mailed = await self.mailing.post.is_there()
        may_write = await self.mailing.may_write(address.key)
        now = self.clock()

        def unit(connection: Connection) -> Account:
            current = accounts.by_id(connection, account.id)
            is_free = _is_free(connection, address, current.id)
            if is_mailed:
                if may_write:
                    self._ask(connection, current, address, now, is_free=is_free)
                return current
            if not is_free:
                raise _taken(address)
            moved = replace(current, email=address, email_confirmed_at=None)
            accounts.write(connection, moved)
            self.note(connection, origin.entry("email.changed", moved.id, at=now))
            return moved

        found = await self.database.run(unit)
        self.mailing.bell()
        return found

    async def prefer(self, account: Account, change: Mapping[str, Any]) -> Account:
        """Set how the owner is told; raises `InvalidRequest` naming all that is wrong."""

        def changed(found: Account) -> Account:
            return replace(found, preferences=preferences.changed(found.preferences, change))

        return await self._change(account.id, changed, None)

    async def contact(self, account_id: str) -> Contact:
        """Tell how and where an account's owner is told; raises `NotFound`."""
        return contact_of(await self.get(account_id))

    async def remove(self, account: Account, password: str, origin: Origin) -> None:
        """Delete an account with all that every service keeps of it.

        Here it is gone at once; the others are told until each has let go. Raises `Conflict` for
        the first account, `Forbidden` for a wrong password, `TooManyAttempts`, `Unavailable`.
        """
        if account.is_first:
            raise Conflict("The first account stays: it is the way in of who runs the machine.")
        await self.recovery.require(account, password, origin)
        now = self.clock()

        def unit(connection: Connection) -> None:
            accounts.remove(connection, account.id)
            for peer in KEEPERS:
                errand = Errand(
                    self.new_id(), peer, Kind.DEPARTURE, account.id, now + self.linger_s
                )
                errands.add(connection, errand)
            self.note(connection, origin.entry("account.deleted", account.id, at=now))

        await self.database.run(unit)
        self.bell()

    async def get(self, account_id: str) -> Account:
        """Find an account; raises `NotFound`."""
        return await self.database.read(lambda each: accounts.by_id(each, account_id))

    async def of_email(self, email: str) -> Account | None:
        """Find the account of a mail address, whatever its spelling; raises `InvalidRequest`."""
        key = mail_address(email).key
        return await self.database.read(lambda each: accounts.by_email(each, key))

    async def listed(self, after: tuple[float, str], most: int) -> list[Account]:
        """List accounts in the order in which they were made, from one (by time and id) on."""
        return await self.database.read(lambda each: accounts.listed(each, after, most))

    async def add(self, email: str, password: str, role: Role, origin: Origin) -> Account:
        """Make an account in an admin's name, whose address counts as confirmed.

        Raises `InvalidRequest`, `Conflict` for an address that has an account, `Unavailable`.
        """
        address = mail_address(email)
        require_good(password, unlike=address.shown)
        hashed, now = await self.passwords.hash(password), self.clock()
        made = Account(self.new_id(), now, role, password_hash=hashed)
        account = confirmed(made, address, now)

        def unit(connection: Connection) -> Account:
            if not _is_free(connection, address, account.id):
                raise _taken(address)
            accounts.add(connection, account)
            self.note(connection, origin.entry("account.made", account.id, at=now))
            return account

        return await self.database.run(unit)

    async def give_role(self, account_id: str, role: Role, origin: Origin) -> Account:
        """Set what an account may do beyond its own things.

        Raises `NotFound`, `Conflict` for the first account, which stays an admin.
        """

        def changed(found: Account) -> Account:
            if found.is_first and role is not Role.ADMIN:
                raise Conflict("The first account stays an admin; change another.")
            return replace(found, role=role)

        told = origin.entry(f"role.{role}", account_id, at=self.clock())
        return await self._change(account_id, changed, told)

    async def disable(self, account_id: str, origin: Origin) -> Account:
        """Keep an account out: its keys and tokens are refused, its sessions end.

        Raises `NotFound`, `Conflict` for the first account.
        """
        now = self.clock()

        def unit(connection: Connection) -> Account:
            found = accounts.by_id(connection, account_id)
            if found.is_first:
                raise Conflict("The first account cannot be disabled; change another.")
            disabled = replace(found, disabled_at=found.disabled_at or now)
            accounts.write(connection, disabled)
            sessions.end_all(connection, account_id)
            self.note(connection, origin.entry("account.disabled", account_id, at=now))
            return disabled

        return await self.database.run(unit)

    async def enable(self, account_id: str, origin: Origin) -> Account:
        """Let an account in again; raises `NotFound`."""
        told = origin.entry("account.enabled", account_id, at=self.clock())
        return await self._change(account_id, lambda found: replace(found, disabled_at=None), told)

    def _ask(
        self,
        connection: Connection,
        account: Account,
        email: MailAddress,
        now: float,
        *,
        is_free: bool,
    ) -> None:
        """Write to a new address; that it is taken, its owner alone learns."""
        if is_free:
            self.mailing.send_confirm(connection, account, email, now)
        else:
            self.mailing.send_known(connection, email, now)

    async def _change(
        self, account_id: str, changed: Callable[[Account], Account], told: AuditEntry | None
    ) -> Account:
        def unit(connection: Connection) -> Account:
            account = changed(accounts.by_id(connection, account_id))
            accounts.write(connection, account)
            if told is not None:
                self.note(connection, told)
            return account

        return await self.database.run(unit)


def contact_of(account: Account) -> Contact:
    """Say how and where an account's owner is told; an address counts once it is confirmed."""
    wished = account.preferences
    is_confirmed = account.email_confirmed_at is not None
    return Contact(
        account=account.id,
        email=account.email.shown if account.email and is_confirmed else None,
        telephone=wished.telephone,
        push=wished.push,
        channels={event: tuple(channels) for event, channels in wished.channels.items()},
        quiet=wished.quiet.hours if wished.quiet else None,
        digest=wished.digest,
    )


def _is_free(connection: Connection, address: MailAddress, account_id: str) -> bool:
    owner = accounts.by_email(connection, address.key)
    return owner is None or owner.id == account_id


def _taken(address: MailAddress) -> Conflict:
    return Conflict(f"The address {address.shown} has an account already.")
