"""Letters about an account itself, and whether there is anybody to send them."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from imagemill.contracts.notifier import Letter, NotifierClient
from imagemill.errors import NotFound
from imagemill.users.records.mail_tokens import Purpose

_TRUSTED_S: Final = 30.0
"""Seconds for which the notifier's word is taken; an operator restarts it to change it."""
_PATHS: Final = {
    Purpose.PASSWORD: "/api/v1/auth/password/reset",
    Purpose.EMAIL: "/api/v1/auth/confirm",
}


@dataclass
class Post:
    """Knows whether mail is sent here at all."""

    notifier: NotifierClient | None
    """None where no notifier runs and none has an address."""
    clock: Callable[[], float]
    """Tells seconds."""
    _known: tuple[float, bool] = field(default=(float("-inf"), False))

    async def is_there(self) -> bool:
        """Tell whether mail is configured; raises `Unavailable` when the notifier is silent."""
        if self.notifier is None:
            return False
        asked_at, is_there = self._known
        if self.clock() - asked_at > _TRUSTED_S:
            is_there = await _sends_mail(self.notifier)
            self._known = (self.clock(), is_there)
        return is_there


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes letters whose links lead to the public address, whatever a request called it."""

    public_url: str

    def reset(self, letter_id: str, to: str, token: str) -> Letter:
        """Tell how to set a new password."""
        return _letter(
            letter_id,
            to,
            "Set a new password",
            "Somebody, perhaps you, wants to set a new password for your account at "
            f"{self.public_url}. It can be done here, once, within an hour:",
            self._link(Purpose.PASSWORD, token),
            "If it was not you, do nothing; your password stays as it is.",
        )

    def confirm(self, letter_id: str, to: str, token: str) -> Letter:
        """Ask whether an address is its owner's."""
        return _letter(
            letter_id,
            to,
            "Confirm your mail address",
            f"This address was given for an account at {self.public_url}. Confirm here, within an "
            "hour, that it is yours:",
            self._link(Purpose.EMAIL, token),
            "If it was not you, do nothing; the account is not opened.",
        )

    def known(self, letter_id: str, to: str) -> Letter:
        """Tell the owner of an account that somebody wanted to make it again."""
        return _letter(
            letter_id,
            to,
            "You have an account already",
            f"Somebody, perhaps you, wanted to make an account at {self.public_url} with this "
            "address. There is one already, and it stays as it is. If you forgot its password, "
            "ask for a new one.",
        )

    def _link(self, purpose: Purpose, token: str) -> str:
        return f"{self.public_url}{_PATHS[purpose]}?token={token}"


async def _sends_mail(notifier: NotifierClient) -> bool:
    try:
        return "mail" in (await notifier.channels()).configured
    except NotFound:  # A notifier that knows no channels has none.
        return False


def _letter(letter_id: str, to: str, subject: str, *parts: str) -> Letter:
    return Letter(
        id=letter_id,
        to=to,
        subject=subject,
        text="\n\n".join(parts) + "\n",
        html="".join(f"<p>{_marked(each)}</p>\n" for each in parts),
    )


def _marked(part: str) -> str:
    safe = html.escape(part)
    return f'<a href="{safe}">{safe}</a>' if part.startswith("http") and " " not in part else safe
