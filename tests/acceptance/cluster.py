"""Imagemill as several processes of each kind, behind nginx: what one `System` is, in many parts.

Every process has an address of its own, which it keeps when it is started again, and reads its keys
from a folder that nobody writes to. The engines are those of the settings given.
"""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.acceptance.api import API
from tests.acceptance.nginx import configuration, nginx
from tests.acceptance.system import PROGRAM, System, eventually, surroundings
from tests.peers.authority import Authority
from tests.peers.ports import free_port

TWO_OF_EACH: Final = {
    "users": 1,
    "uploads": 1,
    "jobs": 2,
    "worker": 2,
    "notifier": 1,
    "gateway": 2,
}
"""How often each process runs."""
_READY_S: Final = 120.0
"""Nine programs start on two cores in 10 s; this is for a machine that does much else."""


@dataclass(frozen=True, slots=True)
class Place:
    """One process: what it does, and where."""

    name: str
    number: int
    port: int

    def __str__(self) -> str:
        return f"{self.name}-{self.number}"


class Cluster:
    """Many processes, one address."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        times: Mapping[str, int] = TWO_OF_EACH,
        authority: Authority | None = None,
        is_front_tls: bool = True,
    ) -> None:
        """Make the keys and choose the addresses; `authority` signs certificates for services.

        `settings` are given to each process, without their prefix, in small letters.
        """
        self.data = folder / "data"
        self._folder = folder
        self._authority = authority
        self._front = Authority(folder / "front") if is_front_tls else None
        self.trusts: ssl.SSLContext | bool = self._front.trusted() if self._front else True
        self.port = free_port()
        scheme = "https" if is_front_tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.places = [
            Place(name, number, free_port())
            for name, count in times.items()
            for number in range(count)
        ]
        self._systems: dict[Place, System] = {}
        self._keys = folder / "keys"
        command = [str(PROGRAM), "make-keys", str(self._keys)]
        subprocess.run(command, env=surroundings(), check=True, capture_output=True, timeout=60)
        self._settings = {
            "keys_folder": str(self._keys),
            "public_url": self.url,
            "gateway_trusted_proxies": "127.0.0.1/32",
            "worker_concurrency": "1",
            "jobs_sweep_every_s": "0.5",
            "jobs_lease_s": "3",
            "queue_lease_s": "3",
            **self._peers(),
            **(settings or {}),
        }
        for each in [*self._keys.iterdir(), self._keys]:
            each.chmod(0o500 if each.is_dir() else 0o400)

    @property
    def key(self) -> str:
        """The first API key."""
        return (self._keys / "admin-key").read_text(encoding="utf-8").strip()

    @property
    def pid(self) -> int:
        """Process id of the first gateway."""
        return self.of("gateway")[0].pid

    @property
    def is_running(self) -> bool:
        """Whether no process has ended."""
        return all(each.is_running for each in self._systems.values())

    def said(self) -> str:
        """Read all that all of them wrote."""
        return "\n".join(f"== {place}\n{each.said()}" for place, each in self._systems.items())

    def of(self, name: str) -> list[System]:
        """List the processes of a name."""
        return [self._systems[each] for each in self.places if each.name == name]

    def kill(self, name: str, number: int = 0) -> None:
        """End one as a power cut does."""
        self._systems[self._place(name, number)].kill()

    def stop(self, name: str, number: int = 0) -> int:
        """End one as an operator does; answer its exit code."""
        return self._systems[self._place(name, number)].stop()

    def start(self, name: str, number: int = 0) -> None:
        """Start one again at its address, and wait until it listens."""
        place = self._place(name, number)
        self._systems[place] = self._started(place)
        _ = self._systems[place].url  # Waits until it says so.

    def start_all(self) -> None:
        """Start all of them at once, and wait until each listens."""
        for place in self.places:
            self._systems[place] = self._started(place)
        eventually(
            lambda: all("listens at" in each.said() for each in self._systems.values()),
            within_s=_READY_S,
            what=self.said,
        )

    def end(self) -> None:
        """End all that still run."""
        running = [each for each in self._systems.values() if each.is_running]
        for each in running:
            each.tell()
        for each in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.ended()
                continue
            each.kill()

    def front(self) -> Path:
        """Write the configuration of nginx."""
        folder = self._folder / "nginx"
        folder.mkdir()
        first, second = (each.port for each in self.places if each.name == "gateway")
        places = {
            "10.0.0.1:8000": f"127.0.0.1:{first}",
            "10.0.0.2:8000": f"127.0.0.1:{second}",
        }
        return configuration("run-several", folder, places | self._ended_tls())

    def _ended_tls(self) -> dict[str, str]:
        cert, key = "/etc/ssl/images.example.com.pem", "/etc/ssl/images.example.com.key"
        listen = f"listen 127.0.0.1:{self.port}"
        if self._front is None:
            ours = f"ssl_certificate     {cert};", f"ssl_certificate_key {key};"
            return {"listen 443 ssl;": f"{listen};", **dict.fromkeys(ours, "")}
        mine = self._front.issued("nginx")
        return {"listen 443 ssl;": f"{listen} ssl;", cert: str(mine[0]), key: str(mine[1])}

    def _started(self, place: Place) -> System:
        own = self._authority.settings(str(place)) if self._authority else {}
        given = {**self._settings, **own}
        environ = {f"IMAGEMILL_{name.upper()}": value for name, value in given.items()}
        return System(self.data, [place.name], environ, port=place.port)

    def _peers(self) -> dict[str, str]:
        scheme = "https" if self._authority else "http"
        peers: dict[str, list[str]] = {}
        for each in self.places:
            if each.name != "gateway":
                peers.setdefault(each.name, []).append(f"{scheme}://127.0.0.1:{each.port}")
        return {f"peers_{name}": ",".join(found) for name, found in peers.items()}

    def _place(self, name: str, number: int) -> Place:
        return next(each for each in self.places if (each.name, each.number) == (name, number))


@contextmanager
def clustered(
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    times: Mapping[str, int] = TWO_OF_EACH,
    authority: Authority | None = None,
    is_front_tls: bool = True,
) -> Iterator[Cluster]:
    """Run many processes behind nginx for a block; ready when it begins."""
    cluster = Cluster(folder, settings, times=times, authority=authority, is_front_tls=is_front_tls)
    with ExitStack() as opened:
        opened.enter_context(nginx(folder / "nginx", cluster.front()))
        opened.callback(cluster.end)
        cluster.start_all()
        with API(cluster) as api:
            eventually(api.is_ready, within_s=_READY_S, what=cluster.said)
        yield cluster
