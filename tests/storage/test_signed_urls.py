"""Signed URLs that lead to an object store itself: what they open, and what they do not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import SecretStr

from imagemill.storage import Bucket, Wish
from imagemill.storage.objects.sigv4 import Call, Keys, signed
from tests.contracts.storages import Chosen, Place, ceph_settings, choose, opened, that_keep
from tests.peers.proof import server_mark
from tests.peers.rgw import RGW

KEY = "ab/cdef"


@pytest.fixture(params=that_keep(over_network=True))
def chosen(request: pytest.FixtureRequest) -> Chosen:
    return choose(request.param, request)


@pytest.fixture
async def place(chosen: Chosen) -> AsyncIterator[Place]:
    async with opened(chosen) as place:
        yield place


@pytest.fixture
async def stranger() -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client that has nothing but URLs."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


async def content(place: Place) -> bytes:
    return b"".join([each async for each in place.storage.get(Bucket.ORIGINALS, KEY)])


async def test_what_is_sent_to_a_signed_url_is_the_object_and_comes_back_by_another(
    place: Place, stranger: httpx2.AsyncClient
) -> None:
    wish = Wish("PUT", 60, content_type="image/png", max_bytes=7, size_bytes=7)
    to = await place.storage.sign(Bucket.ORIGINALS, KEY, wish)
    back = await place.storage.sign(Bucket.ORIGINALS, KEY, Wish("GET", 60))

    put = await stranger.put(to.url, content=b"picture", headers=dict(to.headers))
    got = await stranger.get(back.url)

    assert put.status_code in {200, 201}
    assert await content(place) == got.content == b"picture"


@pytest.mark.parametrize("chosen", that_keep("bounds", over_network=True), indirect=True)
async def test_a_signed_put_takes_no_other_type_and_no_other_length(
    place: Place, stranger: httpx2.AsyncClient
) -> None:
    wish = Wish("PUT", 60, content_type="image/png", max_bytes=7, size_bytes=7)
    signed = await place.storage.sign(Bucket.ORIGINALS, KEY, wish)

    typed = await stranger.put(
        signed.url, content=b"picture", headers={"content-type": "text/html"}
    )
    long = await stranger.put(signed.url, content=b"pictures", headers=dict(signed.headers))

    assert (typed.status_code, long.status_code) == (403, 403)
    assert await place.left() == []


@pytest.mark.parametrize("chosen", that_keep("signatures", over_network=True), indirect=True)
async def test_a_signed_url_opens_no_other_method_and_no_other_object(
    place: Place, stranger: httpx2.AsyncClient
) -> None:
    get = await place.storage.sign(Bucket.ORIGINALS, KEY, Wish("GET", 60))
    other = get.url.replace(KEY, "ab/other")

    put = await stranger.put(get.url, content=b"x", headers=dict(place.put_headers))
    read = await stranger.get(other)

    assert (put.status_code, read.status_code) == (403, 403)


@pytest.mark.parametrize(
    "chosen", [pytest.param("s3 on ceph", marks=server_mark("rgw"))], indirect=True
)
async def test_what_a_signed_url_of_s3_gives_is_never_shown_as_a_page(
    place: Place, stranger: httpx2.AsyncClient
) -> None:
    to = await place.storage.sign(Bucket.ORIGINALS, KEY, Wish("PUT", 60, content_type="text/html"))
    back = await place.storage.sign(Bucket.ORIGINALS, KEY, Wish("GET", 60))
    await stranger.put(to.url, content=b"<script>", headers=dict(to.headers))

    got = await stranger.get(back.url)

    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize("late_s", [pytest.param(-7200, marks=server_mark("rgw"))])
async def test_a_url_that_is_out_of_date_opens_nothing(
    rgw: RGW, stranger: httpx2.AsyncClient, late_s: float
) -> None:
    settings = ceph_settings(rgw)
    keys = Keys(rgw.user.access_key, SecretStr(rgw.user.secret_key), settings.region)
    call = Call("PUT", f"{rgw.url}/{settings.originals_bucket}/late")

    put = await stranger.put(signed(call, keys, at=time.time() + late_s, seconds=60), content=b"x")

    assert put.status_code == 403
