"""A RabbitMQ of one test run, with a name, a folder and ports of its own on the loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.peers.certificates import Certificates
from tests.peers.ports import free_port, wait_for_port
from tests.peers.programs import program

_START_S = 60.0
"""A quiet machine takes 7 s, a busy one 20 s."""
_STOP_S = 30.0
_COMMAND = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself: what lies on the PATH of Debian changes the user."""


@dataclass(slots=True)
class RabbitMQServer:
    """One server; may be stopped, killed, wiped and started again on the same ports."""

    folder: Path
    lines: Sequence[str] = ()
    """Further lines of its configuration."""
    words: str = ""
    """Further words of its command line, for what the configuration has no line for."""
    is_managed: bool = True
    """Whether it tells by HTTP how it is; it starts faster if not."""
    certificates: Certificates | None = None
    """What it shows, and asks for, at a port for TLS; without them there is no such port."""
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    management_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] = field(init=False)
    _ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    """Of the distribution protocol and of its name service."""
    _name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}@localhost")

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def tls_url(self) -> str:
        """Address for clients with a certificate."""
        return f"amqps://guest:guest@localhost:{self.tls_port}/"

    @property
    def management_url(self) -> str:
        """Address of the management API."""
        return f"http://guest:guest@127.0.0.1:{self.management_port}"

    @property
    def version(self) -> str:
        """Name and version, as the package's folder tells them."""
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
        return found[-1].name.replace("rabbitmq_server-", "RabbitMQ ") if found else "RabbitMQ"

    def start(self) -> None:
        """Run it over what the folder holds; returns when it takes clients."""
        managed = [
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self.management_port}",
            "collect_statistics_interval = 500",
        ]
        listens = f"listeners.tcp.1 = 127.0.0.1:{self.port}"
        tls = self._tls_lines(self.certificates) if self.certificates else []
        conf = [listens, *(managed if self.is_managed else []), *tls, *self.lines]
        (self.folder / "rabbitmq.conf").write_text("\n".join(conf) + "\n", encoding="utf-8")
        plugins = "[rabbitmq_management].\n" if self.is_managed else "[].\n"
        (self.folder / "plugins").write_text(plugins, encoding="utf-8")
        self.process = subprocess.Popen(
            [_COMMAND],
            env=os.environ | self._environment(),
            cwd=self.folder,  # Where a machine that crashes leaves its dump.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self.port, self.process, within_s=_START_S, what="rabbitmq-server")

    def stop(self) -> None:
        """Let it end in good order."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(_STOP_S)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_STOP_S)

    def wipe(self) -> None:
        """Lose all that it kept, while it does not run."""
        shutil.rmtree(self.folder / "mnesia", ignore_errors=True)

    def end(self) -> None:
        """Kill it, and the name service that it started for itself."""
        self.kill()
        for found in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"HOME={self.folder}\0".encode() in found.read_bytes():
                    os.kill(int(found.parent.name), signal.SIGKILL)

    def _tls_lines(self, files: Certificates) -> list[str]:
        return [
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}",
            f"ssl_options.cacertfile = {files.ca}",
            f"ssl_options.certfile = {files.server}",
            f"ssl_options.keyfile = {files.server}",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = true",
        ]

    def _environment(self) -> dict[str, str]:
        distribution, names = self._ports
        return {
            "HOME": str(self.folder),
            "ERL_CRASH_DUMP_SECONDS": "0",  # None: a killed one has nothing to tell.
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"-kernel inet_dist_use_interface {{127,0,0,1}}"
                f" -rabbit quorum_tick_interval 500 {self.words}"
            ),
        }


@contextlib.contextmanager
def rabbitmq_server(
    folder: Path,
    lines: Sequence[str] = (),
    *,
    words: str = "",
    is_managed: bool = False,
    certificates: Certificates | None = None,
) -> Iterator[RabbitMQServer]:
    """Run one for a block; skip where there is none."""
    program("rabbitmq-server")
    if not _COMMAND.exists():
        pytest.skip("rabbitmq-server is not where Debian puts it")
    server = RabbitMQServer(folder, lines, words, is_managed, certificates)
    try:
        server.start()
        yield server
    finally:
        server.end()
