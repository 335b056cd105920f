"""Which addresses a fetch for a stranger may go to."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from imagemill.egress.addresses import is_open, read

PUBLIC = ("8.8.8.8", "52.1.2.3", "2600:1f18::1", "2a00:1450:4001::1", "::ffff:8.8.8.8")
NOT_PUBLIC = (
    *("127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1"),
    *("169.254.169.254", "172.16.0.1", "192.168.1.1", "192.0.0.8", "192.88.99.1", "198.18.0.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::808:808", "64:ff9b:1:a9fe:a9:fe00::", "2002:7f00:1::", "2002:808:808::1"),
    *("2001:0:0:0:0:0:5601:5601", "fe80::1", "fe80::1%eth0", "fe80::5efe:a9fe:a9fe"),
    *("2607::5efe:7f00:1", "2607::200:5efe:a00:1", "fec0::1", "ff02::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fd00:ec2::254", "100::1", "2001:db8::1", "168.63.129.16"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert is_open(read(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_all_other_addresses_are_closed(address: str) -> None:
    assert not is_open(read(address))


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
        ("10.1.0.0/16", "10.1.2.3"),
        ("fd00::/8", "fd12::1"),
        ("64:ff9b::/96", "64:ff9b::808:808"),
    ],
)
def test_an_operator_opens_a_network(network: str, address: str) -> None:
    assert is_open(read(address), [ip_network(network)])


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("10.1.0.0/16", "10.2.0.1"),
        ("64:ff9b::/96", "64:ff9b::a9fe:a9fe"),
        ("2002::/16", "2002:7f00:1::"),
        ("2607::/16", "2607::5efe:7f00:1"),
    ],
)
def test_an_open_network_opens_no_address_that_hides_in_its_own(network: str, address: str) -> None:
    assert not is_open(read(address), [ip_network(network)])
