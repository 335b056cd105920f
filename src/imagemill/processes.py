"""The table of deployable processes: what each needs to ask, owns and answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from imagemill.errors import InvalidRequest
from imagemill.settings import Settings, name_of


@dataclass(frozen=True, slots=True)
class Process:
    """One process that can run by itself."""

    name: str
    does: str
    """What it is for, as a sentence."""
    asks: tuple[str, ...] = ()
    """Services that it calls; each runs in the same process or has an address."""
    owns: str | None = None
    """Its database, which nobody else opens."""
    answers: tuple[str, ...] = ()
    """Path prefixes that the gateway hands to it, where it knows the way; the longest that fits
    counts."""
    opens: tuple[str, ...] = ()
    """Paths among these that strangers may ask; one that ends in `/` opens all below it."""
    is_pixels: bool = False
    """Whether it needs a sandbox."""


PROCESSES: Final = (
    Process(
        "gateway",
        "knows who is calling, and hands every request to the service that it is for",
        asks=("users", "uploads", "jobs"),
    ),
    Process(
        "users",
        "keeps accounts, keys and the audit log",
        owns="users",
        answers=(
            "/api/v1/auth/",
            "/api/v1/users/",
            "/api/v1/accounts",
            "/api/v1/api-keys",
            "/api/v1/audit",
            "/.well-known/jwks.json",
        ),
        opens=(
            "/api/v1/auth/register",
            "/api/v1/auth/login",
            "/api/v1/auth/refresh",
            "/api/v1/auth/confirm",
            "/api/v1/auth/password/forgot",
            "/api/v1/auth/password/reset",
            "/.well-known/jwks.json",
        ),
    ),
    Process(
        "uploads",
        "takes pictures in, looks at them and keeps them",
        asks=("jobs", "users"),
        owns="images",
        answers=("/api/v1/images", "/api/v1/uploads", "/public/images/"),
        opens=("/public/images/",),
        is_pixels=True,
    ),
    Process(
        "jobs",
        "accepts jobs and keeps what becomes of them",
        asks=("uploads", "users"),
        owns="jobs",
        answers=(
            "/api/v1/",
            "/public/results/",
            "/uploads",
            "/images",
            "/url",
            "/status/",
            "/api/status/",
        ),
        opens=("/public/results/",),
    ),
    Process(
        "worker",
        "runs pipelines on pictures, in the sandbox",
        asks=("jobs",),
        is_pixels=True,
    ),
    Process(
        "notifier",
        "tells people and programs",
        asks=("users", "uploads", "jobs"),
        owns="notifications",
        answers=("/api/v1/webhooks", "/api/v1/notifications"),
    ),
)
NAMES: Final = tuple(each.name for each in PROCESSES)
BY_NAME: Final = {each.name: each for each in PROCESSES}


def check(settings: Settings, names: Iterable[str]) -> tuple[Process, ...]:
    """Find the processes to start; raises `InvalidRequest` naming what is missing for them."""
    wanted = tuple(dict.fromkeys(names)) or NAMES
    unknown = [each for each in wanted if each not in BY_NAME]
    if unknown:
        raise InvalidRequest(f"There is no process {unknown[0]!r}; there are {', '.join(NAMES)}.")
    for name in wanted:
        _check_peers(settings, BY_NAME[name], wanted)
    return tuple(BY_NAME[each] for each in wanted)


def _check_peers(settings: Settings, process: Process, running: tuple[str, ...]) -> None:
    for peer in process.asks:
        if peer not in running and not getattr(settings.peers, peer):
            raise InvalidRequest(
                f"{process.name} asks {peer}, which neither runs in this process nor has an "
                f"address: start it too, or set {name_of(f'peers.{peer}')}."
            )
    for peer in type(settings.peers).model_fields:
        for address in settings.peers.addresses(peer):
            _check_address(settings, peer, address)


def _check_address(settings: Settings, peer: str, address: str) -> None:
    name = name_of(f"peers.{peer}")
    if not address.startswith(("http://", "https://")):
        raise InvalidRequest(f"{name} holds {address}; write addresses like http://{peer}:8000.")
    if settings.tls.is_mutual and not address.startswith("https://"):
        raise InvalidRequest(
            f"{name} holds {address}, but services show certificates here ({name_of('tls.ca_file')}"
            f"): write https://."
        )
