"""An account as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from imagemill.contracts.scopes import Role
from imagemill.users.addresses import MailAddress
from imagemill.users.preferences import Preferences

ADMIN: Final = "admin"
"""Id of the account that the first start makes."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or something, that owns what is made."""

    id: str
    created_at: float
    """Seconds since 1970."""
    role: Role = Role.USER
    name: str | None = None
    """What people call themselves; says nothing to programs."""
    email: MailAddress | None = None
    """Where letters go; None for the first account until somebody sets it."""
    email_confirmed_at: float | None = None
    """When its owner showed that letters arrive, or an admin said so."""
    awaits_confirmation: bool = False
    """Whether nobody may log in before the address is confirmed."""
    password_hash: str | None = None
    """None where nobody can log in, and keys are the only way."""
    disabled_at: float | None = None
    """Since when an admin keeps it out; None while it may come in."""
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def is_disabled(self) -> bool:
        """Whether its keys, tokens and password are refused."""
        return self.disabled_at is not None

    @property
    def may_log_in(self) -> bool:
        """Whether the right password opens it."""
        return not self.is_disabled and not self.awaits_confirmation

    @property
    def is_first(self) -> bool:
        """Whether it is the account of whoever runs the machine, which always stays a way in."""
        return self.id == ADMIN


def confirmed(account: Account, email: MailAddress, now: float) -> Account:
    """Give an account an address from which its owner has shown a letter."""
    return replace(account, email=email, email_confirmed_at=now, awaits_confirmation=False)
