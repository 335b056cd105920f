"""What can be set for a key, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imagemill.contracts.scopes import Role
from imagemill.errors import InvalidRequest
from imagemill.users.key import Key, change_of, changed, patch_of, request_of

KEY = Key(
    key_id="0123456789abcdef",
    account="a",
    name="website",
    prefix="im_01234567",
    sha256="f" * 64,
    scopes=frozenset({"*"}),
    created_at=0.0,
    max_retries=4,
    timeout_s=60.0,
)


def test_only_what_is_named_is_set() -> None:
    assert changed(KEY, change_of({})) == KEY
    assert changed(KEY, change_of({"max_retries": 0})).identity.max_retries == 0
    assert changed(KEY, change_of({"timeout_s": 1})).max_retries == 4


def test_null_resets() -> None:
    reset = changed(KEY, change_of({"max_retries": None, "timeout_s": None}))

    assert (reset.max_retries, reset.timeout_s) == (None, None)


@pytest.mark.parametrize(
    ("scopes", "role", "may"),
    [
        ({"*"}, Role.ADMIN, {"*"}),
        ({"jobs:*"}, Role.USER, {"jobs:read", "jobs:write"}),
        ({"jobs:read", "operate"}, Role.USER, {"jobs:read"}),
        ({"jobs:read", "operate", "administer"}, Role.OPERATOR, {"jobs:read", "operate"}),
    ],
)
def test_a_key_may_do_what_its_account_may(scopes: set[str], role: Role, may: set[str]) -> None:
    key = replace(KEY, scopes=frozenset(scopes), role=role)

    assert key.identity.scopes == may
    assert (key.identity.role, key.identity.key_id) == (role, "0123456789abcdef")


def test_all_that_a_user_may_do_is_no_more_than_that() -> None:
    assert KEY.identity.scopes == Role.USER.scopes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"max_retries": -1}, "max_retries must be at least 0."),
        ({"max_retries": 21}, "max_retries must be at most 20."),
        ({"max_retries": 1.5}, "max_retries must be a whole number."),
        ({"max_retries": True}, "max_retries must be a whole number."),
        ({"max_retries": "2"}, "max_retries must be a whole number."),
        ({"timeout_s": 0.5}, "timeout_s must be at least 1.0."),
        ({"timeout_s": 3601}, "timeout_s must be at most 3600.0."),
        ({"timeout_s": True}, "timeout_s must be a number."),
        ({"timeout_s": "30"}, "timeout_s must be a number."),
        ({"timeout_s": float("nan")}, "timeout_s must be a finite number."),
        ({"timeout_s": float("inf")}, "timeout_s must be a finite number."),
        ({"retries": 2}, "retries is not known here."),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(value: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        change_of(value)

    assert [f"{each.field} {each.problem}" for each in error.value.errors] == [words]


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, {"name", "scopes"}),
        ({"name": "", "scopes": []}, {"name", "scopes"}),
        ({"name": "a\nb", "scopes": ["*"]}, {"name"}),
        ({"name": "x" * 101, "scopes": ["*"] * 33}, {"name", "scopes"}),
        ({"name": "a", "scopes": ["*"], "rate_per_minute": 0}, {"rate_per_minute"}),
        ({"name": "a", "scopes": ["*"], "burst": "1"}, {"burst"}),
        ({"name": "a", "scopes": ["*"], "monthly_jobs": 1.5}, {"monthly_jobs"}),
        ({"name": "a", "scopes": ["*"], "stored_bytes": -1}, {"stored_bytes"}),
        ({"name": "a", "scopes": ["*"], "expires_in_s": 0}, {"expires_in_s"}),
        ({"name": "a", "scopes": ["*"], "expires_at": "2027-01-01T00:00:00"}, {"expires_at"}),
        ({"name": "a", "scopes": ["*"], "key": "im_mine", "prefix": "x"}, {"key", "prefix"}),
        (
            {"name": "a", "scopes": ["*"], "storage_key": "a/b", "bucket": "c"},
            {"storage_key", "bucket"},
        ),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_by_name(
    value: dict[str, object], fields: set[str]
) -> None:
    with pytest.raises(InvalidRequest) as error:
        request_of(value)

    assert {each.field for each in error.value.errors} == fields


def test_a_key_keeps_a_name_and_scopes() -> None:
    with pytest.raises(InvalidRequest) as error:
        patch_of({"name": None, "scopes": None, "burst": None})

    assert [each.field for each in error.value.errors] == ["name", "scopes"]
