"""Which routes heed an `Idempotency-Key`; what all of them say is compared in test_apart.py."""

from __future__ import annotations

import pytest

from imagemill.contracts.keyed import is_keyed


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/resize", "/api/v1/jobs/1/replay"])
def test_what_makes_something_heeds_a_key(path: str) -> None:
    assert is_keyed("POST", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/jobs/1/cancel"),
        ("POST", "/api/v1/dead-letters/replay"),
        ("POST", "/api/v1/uploads/tus"),
        ("POST", "/api/v1/auth/password/forgot"),
        ("POST", "/api/v1/accounts"),
        ("PATCH", "/api/v1/jobs"),
    ],
)
def test_what_is_done_again_each_time_heeds_none(method: str, path: str) -> None:
    assert not is_keyed(method, path)
