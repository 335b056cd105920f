"""What a host says about when to come again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagemill.egress.pauses import asked_pause_s

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60),
        ("Wed, 25 Nov 2026 12:01:00 -0000", 60),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("Wed, 25 Nov 2026 12:01:00", 60),
        ("9" * 99, 999_999_999),
    ],
)
def test_a_pause_is_read_in_both_forms(header: str, pause_s: int) -> None:
    assert asked_pause_s(header, NOW) == pause_s


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "soon", "-1", "1.5", "²", "١٢", "Wed, 99 Nov 2026"),
        "Wed, 25 Nov 99999999999999 12:00:00 GMT",
        "Wed, 25 Nov 2026 12:00:00 +9999999999999999",
    ],
)
def test_anything_else_says_nothing(header: str | None) -> None:
    assert asked_pause_s(header, NOW) is None
