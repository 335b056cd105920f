"""Where a request came from: the address that connected, or what a trusted proxy says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def came_from(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Tell the nearest address that no trusted proxy stands for.

    `peer` is who connected; `forwarded` are the values of `X-Forwarded-For`, in order. They are
    read from the right, for only what a trusted proxy added can be believed; what stands left of
    the first hop that is not trusted may have been made up. A hop that is no address ends it too.
    """
    nearest = _address(peer)
    if nearest is None:
        return peer
    for hop in reversed(_hops(forwarded)):
        farther = _address(hop)
        if farther is None or not is_among(nearest, trusted):
            break
        nearest = farther
    return str(nearest)


def group_of(address: str) -> str:
    """Name those who are counted together: one IPv4 address, or an IPv6 network of 64 bits.

    A household or a server gets a whole /64, so single IPv6 addresses would be no limit at all.
    """
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def is_among(address: Address, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks."""
    return any(address in each for each in networks)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Tell whether who connected is a proxy that is believed."""
    found = _address(peer)
    return found is not None and is_among(found, trusted)


def _hops(forwarded: Sequence[str]) -> list[str]:
    return [hop for value in forwarded for hop in value.split(",")]


def _address(text: str) -> Address | None:
    """Read an address, with or without a port; one that is mapped into IPv6 is IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found
