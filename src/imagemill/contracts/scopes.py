"""What a caller may be allowed to do: the scopes of keys, and the roles of accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

OPERATE: Final = "operate"
"""See and decide about what belongs to everybody: dead letters, the queue."""
ADMINISTER: Final = "administer"
"""Manage accounts, and read the audit log."""

SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "images:read": "Find images, and read what they are and hold.",
        "images:write": "Take images in, describe and delete them.",
        "jobs:read": "Follow jobs and batches, and read their results.",
        "jobs:write": "Make, cancel and replay jobs and batches.",
        "presets:read": "List and read presets.",
        "presets:write": "Make, change and delete presets.",
        "webhooks:read": "List webhooks and what was delivered to them.",
        "webhooks:write": "Make, change, test and delete webhooks, and deliver again.",
        "keys:read": "List keys, what is set for them and what they used.",
        "keys:write": "Make, change and revoke keys.",
        "account:read": "Read one's own profile and preferences.",
        "account:write": "Change one's own profile, preferences and password; delete the account.",
        OPERATE: "Operators: decide about everybody's dead letters, and look at the queue.",
        ADMINISTER: "Admins: manage accounts, and read the audit log.",
    }
)
"""Every scope, and what it allows."""


class Role(StrEnum):
    """What an account may do beyond its own things."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def scopes(self) -> frozenset[str]:
        """All that an account of this role may do."""
        return frozenset(SCOPES) - _BEYOND[self]


_BEYOND: Final[Mapping[Role, frozenset[str]]] = {
    Role.USER: frozenset({OPERATE, ADMINISTER}),
    Role.OPERATOR: frozenset({ADMINISTER}),
    Role.ADMIN: frozenset(),
}


def allows(held: Collection[str], scope: str) -> bool:
    """Tell whether a scope is among those held; `jobs:*` holds `jobs:read`, `*` holds all."""
    noun, _, _ = scope.partition(":")
    return scope in held or "*" in held or (noun != scope and f"{noun}:*" in held)
