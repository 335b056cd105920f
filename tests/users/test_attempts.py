"""Guessing: how often it may be tried, and that it keeps nobody out for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.users.attempts import place
from tests.users.service import EMAIL, System, running

ATTACKER, HOME, OFFICE = "203.0.113.9", "192.0.2.1", "198.51.100.7"


async def statuses(system: System, count: int, email: str = EMAIL, **more: str) -> list[int]:
    return [(await system.log_in(email, **more)).status_code for _ in range(count)]


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
async def test_an_account_can_be_tried_so_often_whether_it_is_there_or_not(
    system: System, email: str
) -> None:
    await system.register()

    answers = [await system.log_in(email, "wrong", ATTACKER) for _ in range(12)]

    assert [each.status_code for each in answers] == [401] * 10 + [429] * 2
    assert answers[-1].json()["code"] == "too_many_attempts"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 900


async def test_one_address_can_try_so_many_accounts(system: System) -> None:
    told = [
        (await system.log_in(f"{n}@example.com", address=ATTACKER)).status_code for n in range(32)
    ]

    assert told == [401] * 30 + [429] * 2


async def test_guessing_from_elsewhere_keeps_nobody_out_who_was_here_before(
    system: System,
) -> None:
    await system.register()
    assert await statuses(system, 1, address=HOME) == [200]
    await statuses(system, 12, password="wrong", address=ATTACKER)

    assert await statuses(system, 1, address=HOME) == [200]
    assert await statuses(system, 1, address=OFFICE) == [429]


async def test_who_gets_in_begins_anew(tmp_path: Path) -> None:
    async with running(tmp_path, attempts_per_account=3, attempts_per_address=0) as system:
        await system.register()
        await system.log_in()

        for _ in range(3):
            assert await statuses(system, 2, password="wrong") == [401, 401]
            assert await statuses(system, 1) == [200]


async def test_no_limit_is_none(tmp_path: Path) -> None:
    async with running(tmp_path, attempts_per_account=0, attempts_per_address=0) as system:
        await system.register()

        assert await statuses(system, 40, password="wrong") == [401] * 40
        assert await statuses(system, 1) == [200]


async def test_attempts_that_are_turned_away_cost_no_hashing(system: System) -> None:
    await statuses(system, 10, address=ATTACKER)
    before = system.hasher.works

    await statuses(system, 5, address=ATTACKER)

    assert system.hasher.works == before


@pytest.mark.parametrize(
    ("address", "taken_for"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_network_of_one_customer_is_one_place(address: str, taken_for: str) -> None:
    assert place(address) == taken_for
