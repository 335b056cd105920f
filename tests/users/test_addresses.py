"""Which spellings of a mail address are one."""

from __future__ import annotations

import pytest

from imagemill.users.addresses import key_of, mail_address


@pytest.mark.parametrize(
    "spelling",
    [
        "straße@bücher.example.com",
        "STRASSE@BÜCHER.EXAMPLE.COM",
        "strasse@xn--bcher-kva.example.com",
        "Strasse@bu\u0308cher.example.com",
    ],
)
def test_case_and_ways_to_write_a_letter_do_not_count(spelling: str) -> None:
    assert mail_address(spelling).key == "strasse@xn--bcher-kva.example.com"


@pytest.mark.parametrize("other", ["a.da@example.com", "ada+x@example.com", "ada@example.org"])
def test_dots_and_what_follows_a_plus_count(other: str) -> None:
    assert mail_address(other).key != mail_address("ada@example.com").key


def test_what_is_no_address_is_looked_for_and_not_found() -> None:
    assert key_of("Nobody") == "nobody"
    assert len(key_of("x" * 10_000)) < 300
    assert key_of("ADA@example.com") == "ada@example.com"
