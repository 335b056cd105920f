"""Which addresses are public: where a fetch for a stranger may go.

Sources: the IANA special-purpose address registries (RFC 6890 and its updates); RFC 6052 (NAT64),
RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from imagemill.egress.settings import Network

Address = IPv4Address | IPv6Address
NOT_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7"),
        *("fe80::/10", "fec0::/10", "ff00::/8", "168.63.129.16/32"),
    )
)
"""Networks that `is_global` of one Python or another takes for global, and that are not.

168.63.129.16 is public by every registry, and answers every machine of Azure from within, with the
secrets of its setup: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_NAT64: Final = ip_network("64:ff9b::/96")
_ISATAP: Final = (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")
"""What an interface identifier begins with that carries an IPv4 address in its last bytes."""


def is_open(address: Address, allowed: Collection[Network] = ()) -> bool:
    """Tell whether a connection to an address may be made: it is public, or in a network allowed.

    An address inside an address is judged too, and both must pass: where NAT64 is allowed, the
    IPv4 address that it leads to must still be public.
    """
    return all(_passes(each, allowed) for each in layers(address))


def layers(address: Address) -> Iterator[Address]:
    """Yield an address and those that it carries within itself, the outer first.

    One that only writes an IPv4 address in the form of IPv6 is not itself a layer.
    """
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped:
        yield address.ipv4_mapped
    else:
        yield _without_zone(address)
        yield from _carried(address)


def read(text: str) -> Address:
    """Read an address as a resolver tells it; raises `ValueError`."""
    address = ip_address(text)
    return _without_zone(address) if isinstance(address, IPv6Address) else address


def _passes(address: Address, allowed: Collection[Network]) -> bool:
    return _is_public(address) or any(address in each for each in allowed)


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in each for each in NOT_PUBLIC)
    )


def _carried(address: IPv6Address) -> Iterator[Address]:
    last = IPv4Address(address.packed[-4:])
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _NAT64 or address.packed[8:12] in _ISATAP:
        yield last


def _without_zone(address: IPv6Address) -> IPv6Address:
    """Leave the interface out: `in` and the properties of an address stumble over it."""
    return IPv6Address(address.packed)
