"""Ceph's object gateway on a cluster of one monitor and one store in memory: a real S3 server.

All daemons run in the foreground, as children of the test run, and end with the block, also when
one of them does not start.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.ports import free_port, listens, wait_for
from tests.peers.programs import program

_START_S = 60.0
_STOP_S = 10.0
_CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 500
mon data = {folder}/mon
mon data avail warn = 2
mon data avail crit = 1
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 939524096
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
keyring = {folder}/$name.keyring
[mon]
keyring = {folder}/mon.keyring
[client.rgw]
keyring = {folder}/client.rgw.keyring
rgw frontends = beast endpoint=127.0.0.1:{rgw}
rgw thread pool size = 32
rgw dns name = localhost
rgw enable usage log = false
rgw run sync thread = false
rgw gc obj min wait = 5
"""
_KEYRINGS = {
    "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    "client.rgw": ("mon", "allow rwx", "osd", "allow rwx"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *"),
    "mon.": ("mon", "allow *"),
}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whom the gateway knows."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class RGW:
    """One running gateway."""

    port: int
    folder: Path
    version: str
    user: User
    """May make buckets, and owns those that it made."""

    @property
    def url(self) -> str:
        """Endpoint of S3."""
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, name: str) -> User:
        """Make a user, who owns nothing."""
        return _add_user(self.folder, name)


@contextlib.contextmanager
def rgw_server(folder: Path) -> Iterator[RGW]:
    """Run one for a block, with its files in a folder; skip where it is not installed."""
    for each in ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool"):
        program(each)
    mon, port = free_port(), free_port()
    fsid = str(uuid.uuid4())
    for each in ("mon", "osd", "run", "log"):
        (folder / each).mkdir(parents=True)
    conf = _CONF.format(fsid=fsid, folder=folder, mon=mon, rgw=port)
    (folder / "ceph.conf").write_text(conf, encoding="utf-8")
    _prepare(folder, fsid, mon)
    with contextlib.ExitStack() as running:
        daemon = _daemon(running, folder, "ceph-mon", "-i", "a")
        wait_for(lambda: listens(mon), daemon, within_s=_START_S, what="ceph-mon")
        _store(running, folder)
        daemon = _daemon(running, folder, "radosgw", "-n", "client.rgw")
        user = _add_user(folder, "imagemill")
        wait_for(lambda: listens(port), daemon, within_s=_START_S, what="radosgw")
        version = _said(program("radosgw"), "--version").split()[2]
        yield RGW(port, folder, version, user)


def _prepare(folder: Path, fsid: str, mon: int) -> None:
    tool, rings = program("ceph-authtool"), folder / "mon.keyring"
    for name, caps in _KEYRINGS.items():
        ring = rings if name == "mon." else folder / f"{name}.keyring"
        pairs = zip(caps[::2], caps[1::2], strict=True)
        allowed = [part for pair in pairs for part in ("--cap", *pair)]
        _said(tool, "--create-keyring", str(ring), "--gen-key", "-n", name, *allowed)
    for name in _KEYRINGS:
        if name != "mon.":
            _said(tool, str(rings), "--import-keyring", str(folder / f"{name}.keyring"))
    monmap = str(folder / "monmap")
    address = f"[v2:127.0.0.1:{mon}]"
    _said(program("monmaptool"), "--create", "--addv", "a", address, "--fsid", fsid, monmap)
    made = ("--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(rings))
    _ceph(folder, "ceph-mon", *made)


def _store(running: contextlib.ExitStack, folder: Path) -> None:
    osd = str(uuid.uuid4())
    _ceph(folder, "ceph", "osd", "new", osd)
    _ceph(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
    daemon = _daemon(running, folder, "ceph-osd", "-i", "0")

    def is_up() -> bool:
        return bool(json.loads(_ceph(folder, "ceph", "osd", "stat", "-f", "json"))["num_up_osds"])

    wait_for(is_up, daemon, within_s=_START_S, what="ceph-osd")


def _add_user(folder: Path, name: str) -> User:
    told = _ceph(
        *(folder, "radosgw-admin", "-n", "client.rgw", "user", "create"),
        *(f"--uid={name}", f"--display-name={name}"),
    )
    keys: dict[str, Any] = json.loads(told)["keys"][0]
    return User(keys["access_key"], keys["secret_key"])


def _daemon(
    running: contextlib.ExitStack, folder: Path, name: str, *arguments: str
) -> subprocess.Popen[bytes]:
    command = [program(name), "-c", str(folder / "ceph.conf"), *arguments, "-f"]
    with (folder / "log" / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=_environ())
    running.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # They keep everything in memory or in a folder that goes.
    process.wait(_STOP_S)


def _ceph(folder: Path, name: str, *arguments: str) -> str:
    return _said(program(name), "-c", str(folder / "ceph.conf"), *arguments)


def _said(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_START_S, env=_environ()
    ).stdout


def _environ() -> dict[str, str]:
    return {**os.environ, "CEPH_ARGS": ""}
