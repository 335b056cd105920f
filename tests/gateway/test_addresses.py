"""Where a request came from is believed of trusted proxies alone."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from imagemill.gateway.addresses import came_from, group_of
from imagemill.gateway.service import Gateway
from imagemill.users.service import Users
from tests.gateway.front import asked, front

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_nearest_hop_that_is_not_trusted_is_who_calls(
    peer: str, forwarded: list[str], found: str
) -> None:
    assert came_from(peer, forwarded, TRUSTED) == found


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_caller(address: str, group: str) -> None:
    assert group_of(address) == group


async def test_services_hear_who_called_and_not_what_a_client_says(gateway: Gateway) -> None:
    said = {"x-forwarded-for": "198.51.100.1", "x-imagemill-address": "198.51.100.2"}

    answer = await asked(gateway, headers=said)

    assert answer.json() == {"address": "203.0.113.7"}


async def test_services_hear_what_a_trusted_proxy_says(users: Users) -> None:
    gateway = front(users, trusted_proxies=("203.0.113.0/24",), address_burst=1)

    answers = [
        await asked(gateway, "/api/v1/open", {"x-forwarded-for": f"198.51.100.{n}"}, key="")
        for n in (1, 2, 2)
    ]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[1].json() == {"address": "198.51.100.2"}
