"""How the gateway behaves."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

_ORIGIN: Final = re.compile(r"(\*|[a-z][a-z0-9+.-]*://[^/?#@\s,*]+)")


def _listed(value: object) -> object:
    """Take a list as the environment writes it, with commas."""
    if isinstance(value, str):
        return tuple(part for each in value.split(",") if (part := each.strip()))
    return value


def _network(text: str) -> str:
    """Check a network; raises `ValueError`."""
    return str(ipaddress.ip_network(text))


def _origin(text: str) -> str:
    """Check an origin; raises `ValueError`."""
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError("an origin is written as `https://app.example.com`, without a path")
    return text.lower()


Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_listed)]
OriginList = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_listed)
]


class GatewaySettings(BaseModel):
    """What the gateway remembers, whom it lets in how often, and how long it waits for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity_cache_s: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds for which a checked key, and what is set for it, is trusted before "
        "it is looked up again.",
    )
    key_per_minute: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Requests within any 60 seconds by one key, or one person who logged in, "
        "where the key was given no rate of its own; 0 does not limit them.",
    )
    key_burst: int = Field(
        50,
        ge=0,
        le=100_000,
        description="Requests within any one second by one key, or one person; 0 does not limit "
        "them.",
    )
    address_per_minute: int = Field(
        60,
        ge=0,
        le=1_000_000,
        description="Requests within any 60 seconds from one address (IPv6: one /64) that show no "
        "key or a wrong one; 0 does not limit them.",
    )
    address_burst: int = Field(
        10,
        ge=0,
        le=100_000,
        description="Such requests within any one second; 0 does not limit them.",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Redis in which several gateways count together and remember callers, as "
        "`redis://:password@redis:6379/0`; empty: each counts for itself. Needs the extra `redis`.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of the proxies whose `X-Forwarded-For` is believed, with commas: "
        "`10.0.0.0/8,fd00::/8`. Empty: who connects is who calls.",
    )
    cors_origins: OriginList = Field(
        (),
        description="Origins whose pages may read answers, with commas: "
        "`https://app.example.com`; `*` alone allows all. Empty: none.",
    )
    max_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="Connections at once; who comes when there are as many is answered 503.",
    )
    max_connections_per_address: int = Field(
        256,
        ge=0,
        le=100_000,
        description="Connections at once from one address (IPv6: one /64); 0 does not limit them, "
        "nor are those of trusted proxies limited.",
    )
    head_s: float = Field(
        10.0,
        ge=0.1,
        le=300,
        description="Seconds within which the head of a request must have arrived.",
    )
    slowest_bytes_per_s: int = Field(
        1000,
        ge=0,
        le=100_000_000,
        description="Bytes a second that a body must arrive with, and an answer be taken with, on "
        "average over `slow_s`; 0 lets them take as long as they like.",
    )
    slow_s: float = Field(
        10.0,
        ge=0.1,
        le=600,
        description="Seconds over which that speed is measured.",
    )
    max_untaken_bytes: int = Field(
        64_000_000,
        ge=0,
        le=100_000_000_000,
        description="Bytes of answers that may wait in memory until callers take them, of all "
        "connections together; who leaves most lying for over a second is cut off first. 0 does "
        "not limit them.",
    )
    large_bodies_at_once: int = Field(
        1,
        ge=1,
        le=1000,
        description="Pieces of large uploads and downloads that are worked on at a time, which "
        "keeps small requests quick. Take more where storage is far away and the machine is large.",
    )
    head_bytes: int = Field(
        32_768,
        ge=4096,
        le=262_144,
        description="Bytes that the head of a request may have; 16,384 of them its target.",
    )
    max_headers: int = Field(
        100, ge=20, le=1000, description="Header fields that a request may have."
    )
    grace_s: float = Field(
        65.0,
        ge=0.1,
        le=3600,
        description="Seconds for which answers under way may go on after SIGTERM, where the jobs "
        "service runs elsewhere: `Prefer: wait` holds one for up to 60.",
    )

    @model_validator(mode="after")
    def _all_or_some(self) -> Self:
        if "*" in self.cors_origins and len(self.cors_origins) > 1:
            raise ValueError("`*` allows all origins already; name some, or it alone")
        return self
