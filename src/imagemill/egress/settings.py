"""What may be fetched and called although it is not public."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Network = IPv4Network | IPv6Network
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?(:[1-9][0-9]{0,4})?")


@dataclass(frozen=True, slots=True)
class Rules:
    """Exceptions from "public hosts on ports 80 and 443 only"."""

    hosts: frozenset[str] = frozenset()
    """Names, or `name:port`, whose addresses need not be public."""
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})


def _listed(text: str) -> Iterator[str]:
    return (each.strip() for each in text.split(",") if each.strip())


def _hosts(text: str) -> str:
    for each in _listed(text):
        if not _HOST.fullmatch(each.lower()):
            problem = f"{each!r} is no host name, with or without `:port`."
            raise ValueError(problem)
    return text


def _networks(text: str) -> str:
    for each in _listed(text):
        ip_network(each)
    return text


def _ports(text: str) -> str:
    for each in _listed(text):
        if not each.isdigit() or not 0 < int(each) < 65536:
            problem = f"{each!r} is no port."
            raise ValueError(problem)
    return text


class EgressSettings(BaseModel):
    """Exceptions for fetching images by URL and for calling webhooks, each parted by commas."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_hosts: Annotated[str, AfterValidator(_hosts)] = Field(
        "",
        description="Host names whose addresses need not be public, such as "
        "`intranet.example.com`; with a port, as `minio:9000`, that port is allowed for this host.",
    )
    allow_networks: Annotated[str, AfterValidator(_networks)] = Field(
        "",
        description="Networks whose addresses are allowed although they are not public, such as "
        "`10.1.0.0/16`.",
    )
    allow_ports: Annotated[str, AfterValidator(_ports)] = Field(
        "", description="Ports that are allowed besides 80 and 443, for every host."
    )

    @property
    def rules(self) -> Rules:
        """Give the exceptions as they are asked."""
        return Rules(
            hosts=frozenset(each.lower() for each in _listed(self.allow_hosts)),
            networks=tuple(ip_network(each) for each in _listed(self.allow_networks)),
            ports=frozenset({80, 443, *map(int, _listed(self.allow_ports))}),
        )
