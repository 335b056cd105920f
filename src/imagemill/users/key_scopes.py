"""What a key may hold: scopes that are known, that its account has, and that its maker has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from imagemill.contracts.scopes import SCOPES, Role, allows
from imagemill.errors import FieldError, InvalidRequest

_WILD: Final = frozenset({"*", *(f"{each.partition(':')[0]}:*" for each in SCOPES if ":" in each)})


def held(scopes: Collection[str], role: Role) -> frozenset[str]:
    """List every single scope that these allow, as far as a role has it."""
    return frozenset(each for each in role.scopes if allows(scopes, each))


def check(wanted: Collection[str], maker: Collection[str], role: Role) -> None:
    """Raise `InvalidRequest` naming scopes that a key may not have.

    `maker` holds what whoever asks may do; `role` is the account's. `*` is all that the account
    may do, now and later, so only who has all of that can give it.
    """
    errors = [
        FieldError(f"scopes.{at}", problem)
        for at, each in enumerate(wanted)
        if (problem := _problem(each, maker, role))
    ]
    if errors:
        raise InvalidRequest("The key cannot have these scopes.", errors=errors)


def _problem(scope: str, maker: Collection[str], role: Role) -> str:
    if scope not in SCOPES and scope not in _WILD:
        return f"is no scope that is known; there are {', '.join((*sorted(SCOPES), '*'))}."
    if scope in SCOPES and scope not in role.scopes:
        return "is beyond the account's role."
    if not held({scope}, role) <= held(maker, role):
        return "is more than the caller may do, and a key cannot make a stronger one."
    return ""
