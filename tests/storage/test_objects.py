"""An object store that is not as it should be: wrong key, no bucket, silent, back again."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from imagemill.errors import IntegrityLost, InvalidRequest, Unavailable
from imagemill.storage import Bucket, Wish
from imagemill.storage.objects import ObjectStorage
from imagemill.storage.objects.opening import open_objects
from imagemill.storage.settings import StorageSettings
from tests.contracts.storages import ceph_settings, in_store, moto_settings
from tests.peers.line import Line
from tests.peers.moto import MotoServer
from tests.peers.ports import free_port
from tests.peers.rgw import RGW

KEY = "ab/cdef"
Opening = Callable[[StorageSettings], ObjectStorage]


@pytest.fixture
async def opening() -> AsyncIterator[Opening]:
    """Give what opens a storage that is closed after the test."""
    async with AsyncExitStack() as opened:

        def open_(settings: StorageSettings) -> ObjectStorage:
            storage = open_objects(settings, {})
            opened.push_async_callback(storage.close)
            return storage

        yield open_


@pytest.fixture
async def line(moto: MotoServer) -> AsyncIterator[Line]:
    """Give a line to moto that is cut until a test mends it."""
    line = Line(moto.port, free_port())
    yield line
    await line.cut()


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def read(storage: ObjectStorage) -> bytes:
    return b"".join([each async for each in storage.get(Bucket.RESULTS, KEY)])


def quick(settings: StorageSettings, **more: Any) -> StorageSettings:  # noqa: ANN401 - any value
    return settings.model_copy(update={"timeout_s": 1.0, "retries": 1, **more})


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
@pytest.mark.server
@pytest.mark.xdist_group("rgw")
async def test_wrong_credentials_are_an_error_at_the_start_that_says_so(
    rgw: RGW, opening: Opening, wrong: str
) -> None:
    settings = ceph_settings(rgw, **{wrong: "nobodys"})

    with pytest.raises(InvalidRequest, match=r"credentials.*\((InvalidAccess|Signature)"):
        await opening(settings).start()


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_bucket_that_is_not_there_is_an_error_at_the_start_that_names_it(
    moto: MotoServer, opening: Opening
) -> None:
    name = "nowhere"
    settings = moto_settings(moto.url, create_buckets=False, originals_bucket=name)

    with pytest.raises(InvalidRequest, match="no bucket nowhere"):
        await opening(settings).start()


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_bucket_is_made_where_that_is_wanted_also_far_away(
    moto: MotoServer, opening: Opening
) -> None:
    storage = opening(
        moto_settings(
            moto.url, region="eu-north-1", originals_bucket="north-o", results_bucket="north-r"
        )
    )

    await storage.start()
    await storage.start()

    await storage.put(Bucket.RESULTS, KEY, stream(b"there"))
    assert await read(storage) == b"there"


@pytest.mark.server
@pytest.mark.xdist_group("moto")
@pytest.mark.parametrize("creates", [False, True])
async def test_a_look_writes_nothing_and_misses_only_what_is_not_made(
    moto: MotoServer, opening: Opening, *, creates: bool
) -> None:
    names = {"originals_bucket": "looked-at", "results_bucket": "looked-at-too"}
    storage = opening(moto_settings(moto.url, create_buckets=creates, **names))

    if creates:
        await storage.look()
    else:
        with pytest.raises(Unavailable, match="no such bucket"):
            await storage.look()

    with pytest.raises(Unavailable, match="no such bucket"):
        await storage.check()


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_look_at_buckets_leaves_them_empty(moto: MotoServer, opening: Opening) -> None:
    names = {"originals_bucket": "kept-empty", "results_bucket": "kept-empty-too"}
    async with httpx2.AsyncClient(trust_env=False, base_url=moto.url) as client:
        for name in names.values():
            (await client.put(f"/{name}")).raise_for_status()
        storage = opening(moto_settings(moto.url, create_buckets=False, prefix="", **names))

        await storage.look()

        listed = await client.get("/kept-empty?list-type=2")

    assert "<KeyCount>0</KeyCount>" in listed.text


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_store_that_is_down_is_told_soon_and_works_again_when_it_is_back(
    line: Line, opening: Opening
) -> None:
    settings = quick(moto_settings(f"http://127.0.0.1:{line.port}"))
    storage = opening(settings)
    asks: list[Awaitable[object]] = [
        storage.put(Bucket.RESULTS, KEY, stream(b"x")),
        read(storage),
        storage.open(Bucket.RESULTS, KEY, sha256=None),
        storage.size(Bucket.RESULTS, KEY),
        storage.delete(Bucket.RESULTS, KEY),
        storage.tidy(60),
        storage.check(),
    ]

    await storage.start()
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*asks, return_exceptions=True)
    await line.mend()
    await storage.start()
    await storage.put(Bucket.RESULTS, KEY, stream(b"back"))

    assert [type(each) for each in answers] == [Unavailable] * len(asks)
    assert await read(storage) == b"back"
    await storage.check()


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_line_that_breaks_in_a_large_put_leaves_no_object(
    line: Line, opening: Opening
) -> None:
    settings = quick(moto_settings(f"http://127.0.0.1:{line.port}"))
    storage = opening(settings)
    await line.mend()
    await storage.start()
    line.breaks_after_bytes = 3_000_000

    with pytest.raises(Unavailable):
        await storage.put(Bucket.RESULTS, KEY, stream(*[os.urandom(1_000_000)] * 40))

    line.breaks_after_bytes = None
    assert await storage.size(Bucket.RESULTS, KEY) is None


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_check_that_passed_is_believed_for_a_while(line: Line, opening: Opening) -> None:
    storage = opening(quick(moto_settings(f"http://127.0.0.1:{line.port}")))
    await line.mend()
    await storage.start()
    await storage.check()

    await line.cut()

    await storage.check()


@pytest.mark.server
@pytest.mark.xdist_group("rgw")
async def test_leftovers_are_not_looked_for_with_wrong_credentials(
    rgw: RGW, opening: Opening
) -> None:
    with pytest.raises(Unavailable, match="credentials"):
        await opening(ceph_settings(rgw, secret_key="nobodys")).tidy(0)


async def test_leftovers_that_cannot_be_seen_are_left_to_the_bucket(opening: Opening) -> None:
    assert await opening(StorageSettings(url="gs://")).tidy(0) == 0


async def test_a_store_that_takes_requests_and_says_nothing_is_given_up(opening: Opening) -> None:
    over = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = quick(moto_settings(f"http://127.0.0.1:{port}"), timeout_s=0.2)
        storage = opening(settings)
        asks: list[Awaitable[object]] = [
            storage.put(Bucket.RESULTS, KEY, stream(*[b"x" * 1_000_000] * 6)),
            read(storage),
            storage.size(Bucket.RESULTS, KEY),
            storage.tidy(60),
        ]
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*asks, return_exceptions=True)
        over.set()

    assert [type(each) for each in answers] == [Unavailable] * len(asks)


async def test_a_cancelled_put_of_one_request_waits_until_the_request_is_over(
    opening: Opening,
) -> None:
    came, may_end, order = asyncio.Event(), asyncio.Event(), list[str]()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await may_end.wait()
        order.append("arrived")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        storage = opening(moto_settings(f"http://127.0.0.1:{port}"))
        putting = asyncio.create_task(storage.put(Bucket.RESULTS, KEY, stream(b"small")))
        putting.add_done_callback(lambda _: order.append("cancelled"))
        async with asyncio.timeout(10):
            await came.wait()
            putting.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
            may_end.set()
            await asyncio.gather(putting, return_exceptions=True)

    assert putting.cancelled()
    assert order == ["arrived", "cancelled"]


@pytest.mark.server
@pytest.mark.xdist_group("rgw")
async def test_a_get_that_breaks_goes_on_where_it_broke(rgw: RGW, opening: Opening) -> None:
    line, whole = Line(rgw.port, free_port()), os.urandom(3_000_000)
    storage = opening(ceph_settings(rgw, endpoint=f"http://127.0.0.1:{line.port}"))
    await line.mend()
    await storage.start()
    await storage.put(Bucket.RESULTS, KEY, stream(whole))
    await line.renew(answers_break_after=[1_000_000])

    got = await read(storage)

    await line.cut()
    assert got == whole
    assert line.answers_break_after == []


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_an_object_is_read_into_a_folder_where_one_is_set(
    moto: MotoServer,
    opening: Opening,
    tmp_path: Path,
) -> None:
    storage = opening(moto_settings(moto.url, spool=tmp_path))
    lost = opening(moto_settings(moto.url, spool=tmp_path / "missing"))
    await storage.start()
    stored = await storage.put(Bucket.RESULTS, KEY, stream(b"0123456789"))

    descriptor = await storage.open(Bucket.RESULTS, KEY, sha256=stored.sha256)
    with os.fdopen(descriptor, "rb") as file:
        whole, place = file.read(), place_of(descriptor)
    with pytest.raises(IntegrityLost):
        await storage.open(Bucket.RESULTS, KEY, sha256="0" * 64)
    with pytest.raises(Unavailable, match="no room"):
        await lost.open(Bucket.RESULTS, KEY, sha256=None)

    assert whole == b"0123456789"
    assert place.startswith(str(tmp_path))
    assert is_empty(tmp_path)


@pytest.mark.server
@pytest.mark.xdist_group("rgw")
async def test_keys_lie_below_the_prefix_that_is_set(rgw: RGW, opening: Opening) -> None:
    settings = ceph_settings(rgw)
    storage = opening(settings)
    await storage.start()

    await storage.check()
    await storage.put(Bucket.RESULTS, KEY, stream(b"x"))

    assert await in_store(settings) == [KEY]


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_a_store_is_asked_over_tls_and_only_when_its_certificate_is_trusted(
    line: Line, opening: Opening, tmp_path: Path
) -> None:
    authority, line.tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(line.tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = quick(moto_settings(f"127.0.0.1:{line.port}"))
    await line.mend()
    trusting = opening(settings.model_copy(update={"ca_file": tmp_path / "ca.pem"}))

    await trusting.start()
    await trusting.put(Bucket.RESULTS, KEY, stream(b"hidden"))
    tidied = await trusting.tidy(0)

    assert (await read(trusting), tidied) == (b"hidden", 0)
    with pytest.raises(Unavailable):
        await opening(settings).check()


@pytest.mark.server
@pytest.mark.xdist_group("moto")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"encryption": "s3"}, "AES256"),
        ({"encryption": "kms", "kms_key_id": "ours"}, "aws:kms"),
        ({"encryption": "s3", "checksums": False}, "AES256"),
    ],
)
async def test_objects_are_encrypted_as_the_settings_say_also_by_signed_urls(
    moto: MotoServer, opening: Opening, given: dict[str, object], told: str
) -> None:
    storage = opening(moto_settings(moto.url, **given))
    await storage.start()
    signed = await storage.sign(Bucket.RESULTS, "ab/sent", Wish("PUT", 60))

    await storage.put(Bucket.RESULTS, KEY, stream(b"x"))
    await storage.put(Bucket.RESULTS, "ab/large", stream(*[b"x" * 1_000_000] * 6))
    async with httpx2.AsyncClient(trust_env=False) as stranger:
        await stranger.put(signed.url, content=b"x", headers=dict(signed.headers))
        got = [
            await stranger.get((await storage.sign(Bucket.RESULTS, key, Wish("GET", 60))).url)
            for key in (KEY, "ab/large", "ab/sent")
        ]

    assert [each.headers["x-amz-server-side-encryption"] for each in got] == [told] * 3


def place_of(descriptor: int) -> str:
    """Tell which file a descriptor reads."""
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def is_empty(folder: Path) -> bool:
    """Tell whether nothing has a name in a folder."""
    return not any(folder.iterdir())
