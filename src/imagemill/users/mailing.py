"""Letters on their way: what is in them is kept as a digest, and they go with what they tell of."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imagemill.contracts.notifier import Letter
from imagemill.database import Connection
from imagemill.users.account import Account
from imagemill.users.addresses import MailAddress
from imagemill.users.attempts import Attempts
from imagemill.users.errand import Errand, Kind
from imagemill.users.letters import Post, Writer
from imagemill.users.records import errands, mail_tokens
from imagemill.users.records.mail_tokens import MailToken, Purpose
from imagemill.users.session import digest_of

TOKEN_S: Final = 3600
"""Seconds for which a token that was sent by mail may be shown."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """Write letters within the transaction of what they are about."""

    post: Post
    writer: Writer
    attempts: Attempts
    bell: Callable[[], None]
    """Tells that there is something to deliver. Rung after the transaction, not in it: a unit runs
    in a thread of the database's own."""
    new_id: Callable[[], str]

    async def may_write(self, email_key: str) -> bool:
        """Tell whether mail is sent here, and one more letter may go to an address.

        Raises `Unavailable` when the notifier does not answer.
        """
        return await self.post.is_there() and await self.attempts.may_write_to(email_key)

    def send_reset(self, connection: Connection, account: Account, now: float) -> None:
        """Send a token with which a new password is set."""
        assert account.email is not None
        token = self._token(connection, account, account.email, Purpose.PASSWORD, now)
        letter = self.writer.reset(self.new_id(), account.email.shown, token)
        self._send(connection, letter, now)

    def send_confirm(
        self, connection: Connection, account: Account, email: MailAddress, now: float
    ) -> None:
        """Send a token with which an address is confirmed."""
        token = self._token(connection, account, email, Purpose.EMAIL, now)
        letter = self.writer.confirm(self.new_id(), email.shown, token)
        self._send(connection, letter, now)

    def send_known(self, connection: Connection, email: MailAddress, now: float) -> None:
        """Say that there is an account already."""
        self._send(connection, self.writer.known(self.new_id(), email.shown), now)

    def _token(
        self,
        connection: Connection,
        account: Account,
        email: MailAddress,
        purpose: Purpose,
        now: float,
    ) -> str:
        token = secrets.token_urlsafe(32)
        kept = MailToken(digest_of(token), account.id, purpose, email.shown, now + TOKEN_S)
        mail_tokens.add(connection, kept)
        return token

    def _send(self, connection: Connection, letter: Letter, now: float) -> None:
        errand = Errand(
            id=letter.id,
            peer="notifier",
            kind=Kind.LETTER,
            body=letter.model_dump_json(),
            due_at=now,
            expires_at=now + TOKEN_S,
        )
        errands.add(connection, errand)
