"""Which URLs may be asked for at all, and the one reading of each that all else goes by.

Parsers of URLs differ, and attacks live in the difference. So a URL is read here once, strictly,
and what was read (never the text) is what is resolved, connected to and sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, urljoin

import idna

from imagemill.egress.addresses import Address, is_open
from imagemill.egress.settings import Rules
from imagemill.errors import SourceBlocked, UrlNotAllowed

LONGEST: Final = 2048
REFUSAL: Final = (
    "The URL cannot be used. It must be an http or https URL of a public host, on port 80 or 443, "
    "that answers with HTTP."
)
"""One text for all that is blocked: which address it was, and why, is not told."""
_SHAPE: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^/?#@:\[\]%]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_ODD: Final = re.compile(r'[\x00-\x20\x7f-\x9f\\<>"{}|^`\u2028\u2029\ufeff\ud800-\udfff]')
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL: Final = ("localhost", "local", "internal", "arpa", "localdomain", "home", "lan", "corp")
"""Last labels of names that are given out within a house; what is there is nobody else's."""
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL as it was read."""

    scheme: str
    host: str
    """A name in lower-case ASCII without the root's dot, or an address as it is written."""
    port: int
    path: str
    """Path with its query, in ASCII."""
    address: Address | None
    """What the host says, where it is no name."""

    @property
    def authority(self) -> str:
        """Give the host, and the port where it is not the scheme's own, as `Host` takes it."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Write the URL anew."""
        return f"{self.scheme}://{self.authority}{self.path}"


def blocked() -> SourceBlocked:
    """Make the error for an address that is not gone to, or that does not speak HTTP."""
    return SourceBlocked(REFUSAL)


def read(url: str, rules: Rules) -> Target:
    """Read a URL and refuse, without asking anybody, what can never be allowed.

    Raises `UrlNotAllowed`. An address that is written in the URL is judged here; those of a name
    are judged when it is resolved.
    """
    found = None if len(url) > LONGEST or _ODD.search(url) else _SHAPE.fullmatch(url)
    if not found:
        raise UrlNotAllowed(REFUSAL)
    scheme = found["scheme"].lower()
    host, address = _host(_lower(found["host"]))
    port = int(found["port"] or _PORTS[scheme])
    target = Target(scheme, host, port, _path(found["path"], found["query"]), address)
    if not _is_allowed(target, rules):
        raise UrlNotAllowed(REFUSAL)
    return target


def joined(target: Target, location: str, rules: Rules) -> Target:
    """Read where a redirect leads, as strictly as `read` does; raises `UrlNotAllowed`."""
    if len(location) > LONGEST or _ODD.search(location):
        raise UrlNotAllowed(REFUSAL)
    try:
        return read(urljoin(target.url, location), rules)
    except ValueError as error:  # Of urljoin, over brackets that are no address.
        raise UrlNotAllowed(REFUSAL) from error


def is_host_allowed(target: Target, rules: Rules) -> bool:
    """Tell whether operators named the host, so that its addresses need not be public."""
    return bool({target.host, f"{target.host}:{target.port}"} & rules.hosts)


def _is_allowed(target: Target, rules: Rules) -> bool:
    named = is_host_allowed(target, rules)
    if target.port not in rules.ports and f"{target.host}:{target.port}" not in rules.hosts:
        return False
    if target.address:
        return named or is_open(target.address, rules.networks)
    labels = target.host.split(".")
    return named or (len(labels) > 1 and labels[-1] not in _LOCAL)


def _host(text: str) -> tuple[str, Address | None]:
    try:
        if text.startswith("["):
            v6 = IPv6Address(text[1:-1])
            return str(v6), v6
        name = text if text.isascii() else idna.encode(_plain_dots(text)).decode()
        return _name(name.removesuffix("."))
    except (AddressValueError, idna.IDNAError, UnicodeError) as error:
        raise UrlNotAllowed(REFUSAL) from error


def _lower(text: str) -> str:
    """Write a host in small letters; refuse letters of other scripts that become ours (U+212A)."""
    lowered = text.lower()
    if sum(map(str.isascii, lowered)) != sum(map(str.isascii, text)):
        raise UrlNotAllowed(REFUSAL)
    return lowered


def _plain_dots(text: str) -> str:
    """Refuse the dots of other scripts, which some readers take for ours."""
    if re.search(r"[\u3002\uff0e\uff61]", text):
        raise UrlNotAllowed(REFUSAL)
    return text


def _name(name: str) -> tuple[str, Address | None]:
    """Read a name, or four decimal numbers; other ways to write an address are refused."""
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return name, IPv4Address(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(each) for each in labels):
        raise UrlNotAllowed(REFUSAL)
    return name, None


def _path(path: str | None, query: str | None) -> str:
    """Write a path and query in ASCII; what was escaped stays as it was."""
    return quote(f"{path or '/'}{query or ''}", safe="!#$%&'()*+,/:;=?@[]~")
