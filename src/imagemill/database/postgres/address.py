"""How a PostgreSQL is reached; one that is elsewhere is verified unless its address says not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from imagemill.errors import InvalidRequest

_HERE: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_PLACES: Final = {"host": "PGHOST", "hostaddr": "PGHOSTADDR"}
"""Where libpq connects to, and where it looks for that when an address does not say it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """By whom the server is vouched for, and how it knows this client."""

    ca_file: Path | None = None
    """None for what the system trusts."""
    certificate_file: Path | None = None
    key_file: Path | None = None


def conninfo_of(
    url: str, trust: Trust, setting: str, environ: Mapping[str, str] = os.environ
) -> str:
    """Complete an address; raises `InvalidRequest` naming the setting, and never the address.

    What it does not name libpq takes from `environ`, so that is judged too.
    """
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise InvalidRequest(
            f"{setting} is no address of a PostgreSQL; write postgresql://user:password@host:5432/"
            "imagemill."
        ) from error
    if given.get("service") or environ.get("PGSERVICE"):
        raise InvalidRequest(
            f"{setting} cannot be completed by a service file (`service`, PGSERVICE), which might "
            "lead anywhere: write the host into the address."
        )
    files = {
        "sslrootcert": trust.ca_file,
        "sslcert": trust.certificate_file,
        "sslkey": trust.key_file,
    }
    given |= {name: str(path) for name, path in files.items() if path}
    places = [
        str(given.get(name) or environ.get(variable, "")) for name, variable in _PLACES.items()
    ]
    if not all(map(is_here, places)) and "sslmode" not in given:
        given |= {"sslmode": "verify-full"}
        given.setdefault("sslrootcert", "system")
    return make_conninfo("", **{"application_name": "imagemill", **given})


def is_here(hosts: str) -> bool:
    """Tell whether all hosts of an address are this machine: a socket, or the loopback."""
    return all(each in _HERE or each.startswith(("/", "@")) for each in hosts.split(","))
