"""Scopes: what a key or an account may do."""

from __future__ import annotations

import pytest

from imagemill.contracts.scopes import ADMINISTER, OPERATE, SCOPES, Role, allows


@pytest.mark.parametrize(
    ("held", "scope", "is_allowed"),
    [
        ({"jobs:write"}, "jobs:write", True),
        ({"jobs:read"}, "jobs:write", False),
        ({"jobs:*"}, "jobs:write", True),
        ({"jobs:*"}, "images:read", False),
        ({"*"}, OPERATE, True),
        ({"operate:*"}, OPERATE, False),
        (set(), "jobs:read", False),
    ],
)
def test_a_scope_is_held_by_name_or_by_star(
    held: set[str], scope: str, *, is_allowed: bool
) -> None:
    assert allows(held, scope) is is_allowed


def test_each_role_may_do_all_that_the_one_before_may() -> None:
    user, operator, admin = Role.USER.scopes, Role.OPERATOR.scopes, Role.ADMIN.scopes

    assert user < operator < admin == frozenset(SCOPES)
    assert operator - user == {OPERATE}
    assert admin - operator == {ADMINISTER}
