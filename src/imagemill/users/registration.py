"""Making an account of one's own, and confirming its mail address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from imagemill.audit import Origin, Write
from imagemill.database import Connection, Database
from imagemill.errors import FieldError, Forbidden, InvalidRequest
from imagemill.users.account import Account, confirmed
from imagemill.users.addresses import MailAddress, mail_address
from imagemill.users.attempts import Attempts
from imagemill.users.mailing import Mailing
from imagemill.users.passwords import Passwords, require_good
from imagemill.users.records import accounts, mail_tokens
from imagemill.users.records.mail_tokens import Purpose
from imagemill.users.session import digest_of
from imagemill.users.settings import UsersSettings


@dataclass(frozen=True, slots=True)
class Registration:
    """Accounts that people make themselves."""

    database: Database
    settings: UsersSettings
    passwords: Passwords
    attempts: Attempts
    mailing: Mailing
    note: Write
    clock: Callable[[], float]
    new_id: Callable[[], str]

    async def register(self, email: str, password: str, origin: Origin) -> bool:
        """Make an account, unless the address has one; tell whether it must be confirmed.

        The answer and the work are the same whether the address has an account. Raises
        `Forbidden` where only admins make accounts, `InvalidRequest`, `TooManyAttempts`,
        `Unavailable`.
        """
        if self.settings.registration == "closed":
            raise Forbidden("Registration is closed here; an admin makes accounts.")
        await self.attempts.count_address(origin.address)
        address = mail_address(email)
        require_good(password, unlike=address.shown)
        is_mailed = await self.mailing.post.is_there()
        may_write = await self.mailing.may_write(address.key)
        hashed = await self.passwords.hash(password)
        new = self._new(address, hashed, awaits_confirmation=is_mailed)

        def unit(connection: Connection) -> None:
            known = accounts.by_email(connection, address.key)
            if known is None:
                accounts.add(connection, new)
                told = origin.entry("account.made", new.id, at=new.created_at, account=new.id)
                self.note(connection, told)
            if may_write:
                self._answer_by_mail(connection, known or new, hashed, address)

        await self.database.run(unit)
        self.mailing.bell()
        return is_mailed

    async def confirm(self, token: str, password: str, origin: Origin) -> None:
        """Open an account to whoever got the letter and knows the password.

        The password is asked because a letter may be opened by somebody for whom a stranger made
        the account. Raises `InvalidRequest`, `TooManyAttempts`, `Unavailable`.
        """
        await self.attempts.count_address(origin.address)
        now, digest = self.clock(), digest_of(token)
        account = await self.database.read(lambda each: _of_token(each, digest, now))
        checked = await self.passwords.check(password, account.password_hash if account else None)
        if account is None or not checked.is_right:
            raise _not_held("does not hold, or no longer, or the password is another.")

        def unit(connection: Connection) -> bool:
            shown = mail_tokens.take(connection, digest, Purpose.EMAIL, now)
            if shown is None:
                return False
            self._confirm(connection, shown.account, mail_address(shown.email), now)
            told = origin.entry("email.confirmed", shown.account, at=now, account=shown.account)
            self.note(connection, told)
            return True

        if not await self.database.run(unit):
            raise _not_held("does not hold, or no longer, or the password is another.")

    def _new(self, email: MailAddress, hashed: str, *, awaits_confirmation: bool) -> Account:
        return Account(
            id=self.new_id(),
            created_at=self.clock(),
            email=email,
            password_hash=hashed,
            awaits_confirmation=awaits_confirmation,
        )

    def _answer_by_mail(
        self, connection: Connection, account: Account, hashed: str, email: MailAddress
    ) -> None:
        now = self.clock()
        if account.awaits_confirmation:
            # Who made it before never showed that the address is theirs; nor does this one yet.
            accounts.write(connection, replace(account, password_hash=hashed))
            self.mailing.send_confirm(connection, account, email, now)
        elif not account.is_disabled:
            self.mailing.send_known(connection, email, now)

    def _confirm(
        self, connection: Connection, account_id: str, email: MailAddress, now: float
    ) -> None:
        account = accounts.by_id(connection, account_id)
        owner = accounts.by_email(connection, email.key)
        if owner is not None and owner.id != account.id:
            raise _not_held("was sent to an address that has another account by now.")
        accounts.write(connection, confirmed(account, email, now))
        mail_tokens.forget(connection, account_id, Purpose.PASSWORD)


def _of_token(connection: Connection, sha256: str, now: float) -> Account | None:
    found = mail_tokens.find(connection, sha256, Purpose.EMAIL, now)
    return accounts.by_id(connection, found.account) if found else None


def _not_held(problem: str) -> InvalidRequest:
    errors = [FieldError("token", problem)]
    return InvalidRequest(
        "The address cannot be confirmed so; ask for a new letter.", errors=errors
    )
