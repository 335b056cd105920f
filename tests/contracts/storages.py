"""Every adapter of the storage port, opened over a place of its own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
import pytest
from _pytest.mark import ParameterSet
from pydantic import SecretStr

from imagemill.breaker import Breaker, BreakerSettings
from imagemill.signing import UrlSigner
from imagemill.storage import Storage
from imagemill.storage.guarded import GuardedStorage
from imagemill.storage.local import Links, LocalStorage
from imagemill.storage.objects import ObjectStorage
from imagemill.storage.objects.opening import open_objects
from imagemill.storage.objects.sigv4 import Call, Keys, signed
from imagemill.storage.objects.stores import open_store
from imagemill.storage.settings import StorageSettings
from tests.peers.azurite import KEY, Azurite
from tests.peers.moto import MotoServer
from tests.peers.proof import Proof, proves, server_mark
from tests.peers.rgw import RGW

EVERYTHING: Final = frozenset({"urls", "bounds", "signatures", "ages", "leftovers", "writers"})
"""What a server, or its stand-in, does that others do not:

- urls: each wish has a URL of its own
- bounds: a signed PUT is held to its type and length
- signatures: a URL that was changed, or is too old, opens nothing
- ages: it tells when an upload in parts began
- leftovers: it shows what is half written, so that it can be removed
- writers: several of one key do not meet
"""
KEPT: Final = {
    "local": EVERYTHING,
    "local, unsynced": EVERYTHING,
    "guarded": EVERYTHING,
    "s3 on ceph": EVERYTHING,
    "s3 on moto": frozenset({"urls", "leftovers", "writers"}),
    "azure on azurite": frozenset({"signatures"}),
}
_MARKS: Final = {
    "s3 on ceph": server_mark("rgw"),
    "s3 on moto": server_mark("moto"),
    "azure on azurite": server_mark("azurite"),
}
KILLED_WRITER: Final = """
import asyncio, sys
from pathlib import Path
from imagemill.faults import Faults
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage

async def pieces():
    for _ in range(3):
        yield b"x" * 1_000_000

faults = Faults.read("half_written:kill", are_allowed=True)
storage = LocalStorage(Path(sys.argv[1]), faults=faults)
asyncio.run(storage.put(Bucket.RESULTS, "ab/half", pieces()))
"""
"""A program that is killed while it writes an object."""
KILLED_SENDER: Final = """
import asyncio, os, sys
from imagemill.faults import Faults
from imagemill.storage import Bucket
from imagemill.storage.objects.opening import open_objects
from imagemill.storage.settings import StorageSettings

async def pieces():
    for _ in range(12):
        yield b"x" * 1_000_000

async def send():
    faults = Faults.read("half_written:kill", are_allowed=True)
    settings = StorageSettings.model_validate_json(sys.argv[1])
    storage = open_objects(settings, os.environ, faults)
    await storage.put(Bucket.RESULTS, "ab/half", pieces())

asyncio.run(send())
"""
"""The same for an object store, whose keys are in its environment."""


def that_keep(*kept: str, over_network: bool = False) -> list[ParameterSet]:
    """List the adapters that do all of this, as parameters of the fixture `chosen`."""
    return [
        pytest.param(name, marks=_MARKS.get(name, ()))
        for name, keeps in KEPT.items()
        if keeps.issuperset(kept) and (name in _MARKS or not over_network)
    ]


@dataclass(frozen=True, slots=True)
class Place:
    """One adapter, and what can be seen of its place from outside."""

    storage: Storage
    left: Callable[[], Awaitable[list[str]]]
    """Lists all that lies there: objects, and what is half written."""
    kill_writer: Callable[[], Awaitable[None]]
    """Leaves behind what a process leaves that is killed while it writes an object."""
    put_headers: Mapping[str, str] = field(default_factory=dict)
    """What every signed PUT has to carry."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An adapter that is going to be opened."""

    adapter: str
    server: str = "files of this machine"
    settings: StorageSettings = field(default_factory=StorageSettings)


def choose(adapter: str, request: pytest.FixtureRequest) -> Chosen:
    """Start what an adapter speaks to, by its name in the table of adapters, and put it there."""
    others = {"s3 on ceph": _ceph, "s3 on moto": _moto, "azure on azurite": _azure}
    chosen = others[adapter](request) if adapter in others else Chosen(adapter)
    proves(request, Proof("storage", adapter, chosen.server))
    return chosen


@asynccontextmanager
async def opened(chosen: Chosen, folder: Path = Path()) -> AsyncIterator[Place]:
    """Open an adapter; a local one keeps its objects in the folder."""
    if not chosen.settings.url:
        async with _local(chosen.adapter, folder / "objects") as place:
            yield place
        return
    storage = open_objects(chosen.settings, {})
    try:
        await storage.start()
        yield _place(storage, chosen)
    finally:
        await storage.close()


@asynccontextmanager
async def _local(adapter: str, root: Path) -> AsyncIterator[Place]:
    links = Links(UrlSigner({"k1": b"u" * 32}, time.time), "http://127.0.0.1:8000", "/stored")
    sync = unsynced if "unsynced" in adapter else os.fsync
    local = LocalStorage(root, sync=sync, links=lambda: links)

    async def left() -> list[str]:
        return _files_below(root)

    async def kill_writer() -> None:
        await asyncio.to_thread(_killed, KILLED_WRITER, str(root))

    try:
        yield Place(guarded(local) if adapter == "guarded" else local, left, kill_writer)
    finally:
        await local.close()


def _files_below(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def _killed(program: str, told: str, **more: str) -> None:
    command = [sys.executable, "-c", program, told]
    environ = {**os.environ, **more}
    done = subprocess.run(command, check=False, timeout=30, stdout=subprocess.DEVNULL, env=environ)
    assert done.returncode < 0


def ceph_settings(rgw: RGW, **more: object) -> StorageSettings:
    """Give settings for buckets on a gateway, below a prefix of their own."""
    keys = {"access_key": rgw.user.access_key, "secret_key": rgw.user.secret_key}
    return _s3(rgw.url, keys | more)


def moto_settings(url: str, **more: object) -> StorageSettings:
    """Give settings for buckets on moto, below a prefix of their own."""
    return _s3(url, {"access_key": "anybody", "secret_key": "anything"} | more)


def _s3(url: str, more: Mapping[str, object]) -> StorageSettings:
    given = {"url": "s3://", "endpoint": url, "create_buckets": True, "prefix": f"{uuid.uuid4()}/"}
    return StorageSettings.model_validate({**given, **more})


def _ceph(request: pytest.FixtureRequest) -> Chosen:
    rgw: RGW = request.getfixturevalue("rgw")
    return Chosen("s3 on ceph", f"Ceph RGW {rgw.version}", ceph_settings(rgw))


def _moto(request: pytest.FixtureRequest) -> Chosen:
    moto: MotoServer = request.getfixturevalue("moto")
    return Chosen("s3 on moto", moto.version, moto_settings(moto.url))


def _azure(request: pytest.FixtureRequest) -> Chosen:
    azurite: Azurite = request.getfixturevalue("azurite")
    for name in ("imagemill-originals", "imagemill-results"):
        azurite.make_container(name)
    settings = StorageSettings(
        url="az://devstoreaccount1",
        endpoint=azurite.url,
        secret_key=SecretStr(KEY),
        prefix=f"{uuid.uuid4()}/",
    )
    return Chosen("azure on azurite", f"Azurite {azurite.version}", settings)


def _place(storage: ObjectStorage, chosen: Chosen) -> Place:
    settings = chosen.settings

    async def left() -> list[str]:
        return await in_store(settings)

    async def kill_writer() -> None:
        secret = settings.secret_key.get_secret_value()
        keys = {"AWS_ACCESS_KEY_ID": settings.access_key, "AWS_SECRET_ACCESS_KEY": secret}
        told = settings.model_copy(update={"access_key": "", "secret_key": SecretStr("")})
        await asyncio.to_thread(_killed, KILLED_SENDER, told.model_dump_json(), **keys)

    is_azure = settings.url.startswith("az")
    headers = {"x-ms-blob-type": "BlockBlob"} if is_azure else {}
    return Place(storage, left, kill_writer, headers)


async def in_store(settings: StorageSettings) -> list[str]:
    """List what lies below the prefix in both buckets, and on S3 what is half written."""
    found: list[str] = []
    for name in (settings.originals_bucket, settings.results_bucket):
        keys = None
        if settings.url == "s3://":
            keys = _keys(settings)
            query = {"uploads": "", "prefix": settings.prefix}
            listed = await _asked(settings, "GET", "", query, bucket=name)
            found += re.findall("<UploadId>([^<]+)</UploadId>", listed)
        store = open_store(settings, name, keys)
        async for several in store.list(prefix=settings.prefix.rstrip("/")):
            found += [each["path"].removeprefix(settings.prefix) for each in several]
    return [each for each in found if each != "check"]


async def _asked(
    settings: StorageSettings,
    method: str,
    path: str,
    query: Mapping[str, str],
    *,
    bucket: str | None = None,
) -> str:
    url = f"{settings.endpoint}/{bucket or settings.results_bucket}/{path}"
    address = signed(Call(method, url, query), _keys(settings), at=time.time(), seconds=60)
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, address)
    assert answer.is_success, answer.text
    return answer.text


def _keys(settings: StorageSettings) -> Keys:
    return Keys(settings.access_key, settings.secret_key, settings.region)


def guarded(storage: Storage) -> GuardedStorage:
    """Put breakers before a storage."""
    reading, writing = (Breaker(name, BreakerSettings()) for name in ("reading", "writing"))
    return GuardedStorage(storage, reading=reading, writing=writing)


def unsynced(_: int) -> None:
    """Leave it to the kernel when a file reaches the disk."""
