"""Azure's blob storage as Azurite plays it, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import hmac
import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import httpx2

from tests.peers.ports import free_port, listens, wait_for
from tests.peers.programs import node_modules, program

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every Azurite has, as its documentation tells: no secret."""
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Azurite:
    """One running blob server of Azurite."""

    port: int
    version: str

    @property
    def url(self) -> str:
        """Address of its one account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def make_container(self, name: str) -> None:
        """Make a container, by a request that is signed with the account's key."""
        path = f"/{ACCOUNT}/{name}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        said = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
        to_sign = "PUT" + "\n" * 12 + said + f"/{ACCOUNT}{path}\nrestype:container"
        signature = hmac.digest(b64decode(KEY), to_sign.encode(), "sha256")
        headers["authorization"] = f"SharedKey {ACCOUNT}:{b64encode(signature).decode()}"
        url = f"http://127.0.0.1:{self.port}{path}?restype=container"
        made = httpx2.put(url, headers=headers, trust_env=False)
        assert made.status_code in {201, 409}, made.text  # Or it is there already.


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """Run one for a block, with its data in a folder; skip where there is none."""
    node, port = program("node"), free_port()
    package = node_modules() / "azurite"
    command = [
        *(node, str(package / "dist/src/blob/main.js"), "--blobHost", "127.0.0.1"),
        *("--blobPort", str(port), "--location", str(folder), "--silent"),
        *("--skipApiVersionCheck", "--disableTelemetry"),
    ]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=folder) as process:
        try:
            wait_for(lambda: listens(port), process, within_s=_START_S, what="azurite")
            told = json.loads((package / "package.json").read_text(encoding="utf-8"))
            yield Azurite(port, str(told["version"]))
        finally:
            process.kill()
