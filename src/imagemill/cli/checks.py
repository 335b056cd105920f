"""What `imagemill doctor` looks at: each check gives findings and breaks nothing."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from imagemill.cli import screen
from imagemill.errors import ImagemillError

if TYPE_CHECKING:
    import httpx2

    from imagemill.settings import Settings

PEER_S = 5.0
BROKER_S = 15.0
"""Longest wait for a broker, its closing included."""
FEW_BYTES = 1_000_000_000
"""Free space below which people are warned: 20 pictures of the largest size."""


class State(StrEnum):
    """Say how good a finding is."""

    GOOD = "good"
    WARNING = "warning"
    """It works, and less well or less safely than it could."""
    BROKEN = "broken"
    """The system will not work, or not safely."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    note: str
    """What was found; and what to do, when it is not good."""


def programs() -> list[Finding]:
    """Tell what runs here."""
    python = f"{platform.python_version()} on {platform.system()} {platform.release()}"
    return [
        Finding("imagemill", State.GOOD, version("imagemill")),
        Finding("Python", State.GOOD, python),
    ]


async def decoders() -> list[Finding]:
    """Tell the decoders' versions, and whether they are new enough to be safe."""
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagemill.cli.decoders"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asked.communicate()
    if asked.returncode:
        reason = complained.decode(errors="replace").strip().rpartition("\n")[2]
        return [Finding("decoders", State.BROKEN, f"They do not load: {reason}")]
    return [
        Finding(
            each["name"],
            State.GOOD if each["is_safe"] else State.BROKEN,
            f"{each['version']}; safe from {each['oldest']} on",
        )
        for each in json.loads(said)
    ]


async def sandbox(settings: Settings) -> list[Finding]:
    """Start a locked child and tell which layers hold it."""
    from imagemill.engine.layers import State as Held
    from imagemill.engine.sandbox import Sandbox

    try:
        async with Sandbox(settings.sandbox) as box:
            layers = box.layers()
    except ImagemillError as error:
        return [Finding("sandbox", State.BROKEN, error.message)]
    return [
        Finding(
            f"sandbox: {layer.name}",
            State.WARNING if layer.state is Held.OFF else State.GOOD,
            f"{layer.state}. {layer.note}".strip(". ") + ".",
        )
        for layer in layers
    ]


def storage(data: Path) -> Iterator[Finding]:
    """Try to write into the data folder, or where it would be made; and look at the room left."""
    folder = next(each for each in (data, *data.absolute().parents) if each.exists())
    name = "data folder"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"imagemill")
            os.fsync(file.fileno())
    except OSError as error:
        yield Finding(name, State.BROKEN, f"{folder}: {error.strerror}; --data names another.")
        return
    made = "" if folder == data else " is not there yet; `imagemill serve` makes it"
    yield Finding(name, State.GOOD, f"{data.absolute()}{made}")
    free = shutil.disk_usage(folder).free
    state = State.GOOD if free >= FEW_BYTES else State.WARNING
    yield Finding("free space", state, screen.bytes_in_words(free))


async def objects(settings: Settings) -> list[Finding]:
    """Write a small object into each bucket, where an object store is set."""
    from imagemill.assembly.storages import object_storage

    told = settings.storage
    if not told.url:
        return []
    where = f"{told.url} {told.endpoint}".strip()
    names = f"{told.originals_bucket} and {told.results_bucket}"
    try:
        storage = object_storage(told)
        try:
            await storage.check()
        finally:
            await storage.close()
    except ImagemillError as error:
        return [Finding("object store", State.BROKEN, f"{where}: {error.message}")]
    note = f"{where}; {names} can be written"
    return [Finding("object store", State.GOOD, note)]


def databases(data: Path) -> Iterator[Finding]:
    """Look at every database that is there: readable, and whole."""
    for path in sorted((data / "databases").glob("*.sqlite")):
        yield Finding(f"database {path.stem}", *_health(path))


async def schemas(settings: Settings) -> list[Finding]:
    """Look at every database that is in PostgreSQL: it answers, and its schema is new enough."""
    from imagemill import assembly

    try:
        found = await assembly.states(settings)
    except ImagemillError as error:
        return [Finding("databases", State.BROKEN, error.message)]
    return [
        Finding(
            f"database {name}",
            State.BROKEN if fault else State.GOOD,
            fault or "answers, and its schema is the one of this version",
        )
        for name, fault in found.items()
    ]


async def queue(settings: Settings) -> list[Finding]:
    """Ask the broker how much it holds, where one is set; nothing is put into it."""
    from imagemill.assembly.parts import Parts
    from imagemill.assembly.queues import open_queue
    from imagemill.contracts.jobs import TOPIC

    address = settings.queue.url.get_secret_value()
    if not address:
        return []
    # Only the scheme is shown: what follows may hold a password.
    scheme = address.partition("://")[0]
    try:
        async with asyncio.timeout(BROKER_S), AsyncExitStack() as opened:
            opened_queue = await open_queue(Parts(settings, opened))
            held = await opened_queue.depth(TOPIC)
    except ImagemillError as error:
        return [Finding("queue", State.BROKEN, f"{scheme}: {error.message}")]
    except TimeoutError:
        return [Finding("queue", State.BROKEN, f"{scheme}: no answer within {BROKER_S:g} s.")]
    return [Finding("queue", State.GOOD, f"{scheme}: answers, and holds {held} messages of jobs")]


def keys(settings: Settings) -> Iterator[Finding]:
    """Look at the keys, where the operator keeps them; else the first start makes them."""
    from imagemill.assembly import key_files
    from imagemill.processes import NAMES

    if settings.keys_folder is None:
        return
    for name, who in key_files.lacking(settings, NAMES).items():
        note = f"{settings.key_file(name)} is not there; {', '.join(who)} cannot start without it."
        yield Finding(f"key {name}", State.WARNING, note)


async def peers(settings: Settings) -> list[Finding]:
    """Knock at every service that has an address."""
    import httpx2

    from imagemill import tls
    from imagemill.processes import NAMES

    calling = tls.opened(settings.tls, is_gateway=True).calling
    shown = calling.context if calling else True
    async with httpx2.AsyncClient(trust_env=False, timeout=PEER_S, verify=shown) as client:
        return [
            Finding(f"peer {name}", *await _knock(client, address))
            for name in NAMES
            if name in type(settings.peers).model_fields
            for address in settings.peers.addresses(name)
        ]


def gateways(settings: Settings) -> list[Finding]:
    """Look whether each configured gateway to people is one; nothing is sent."""
    from imagemill.assembly.telling import gateways_of

    findings = []
    for name in ("mail", "sms", "push"):
        try:
            opened = gateways_of(settings.notifier, (name,))
        except ImagemillError as error:
            findings.append(Finding(f"gateway {name}", State.BROKEN, error.message))
            continue
        for gateway in opened.values():
            gateway.close()
            note = "It can address a recipient; POST /api/v1/notifications/test tries it."
            findings.append(Finding(f"gateway {name}", State.GOOD, note))
    return findings


async def _knock(client: httpx2.AsyncClient, address: str) -> tuple[State, str]:
    import httpx2

    try:
        answer = await client.get(f"{address}/health/live")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return State.BROKEN, f"{address} does not answer: {type(error).__name__}."
    return State.GOOD, f"{address} answers {answer.status_code}."


def _health(path: Path) -> tuple[State, str]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            said = str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
            applied = opened.execute("SELECT max(number) FROM schema_migrations").fetchone()[0]
    except sqlite3.Error as error:
        return State.BROKEN, f"{path}: {error}. Restore it from a backup."
    if said != "ok":
        return State.BROKEN, f"{path}: {said}. Restore it from a backup."
    return State.GOOD, f"whole, schema {applied}"
