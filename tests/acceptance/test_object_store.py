"""The whole system with its objects in S3: Ceph's gateway, over a line that can be cut."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from imagemill.storage import Bucket
from imagemill.storage.objects.opening import open_objects
from imagemill.storage.settings import StorageSettings
from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good, problem
from tests.acceptance.system import System, eventually, started
from tests.contracts.storages import ceph_settings, in_store
from tests.peers.line import ThreadedLine
from tests.peers.ports import free_port
from tests.peers.rgw import RGW

pytestmark = [pytest.mark.xdist_group("rgw"), pytest.mark.timeout(120)]

SOON = {
    "breaker_failures": "2",
    "breaker_rest_s": "0.3",
    "breaker_longest_rest_s": "1",
    "storage_timeout_s": "2",
    "storage_retries": "0",
    "jobs_sweep_every_s": "0.5",
}
MOST_BYTES = 2_000_000
RESIZE = {"small": [{"op": "resize", "width": 32}]}


@dataclass(frozen=True, slots=True)
class Site:
    """A running system, and its object store as its operator sees it."""

    system: System
    api: API
    line: ThreadedLine
    rgw: RGW
    settings: StorageSettings

    def objects(self) -> list[str]:
        """List what lies in both buckets."""
        return asyncio.run(in_store(self.settings))


def told(settings: StorageSettings, **more: str) -> dict[str, str]:
    """Write settings of a storage as the program takes them."""
    return {
        "storage_url": "s3://",
        "storage_endpoint": settings.endpoint,
        "storage_access_key": settings.access_key,
        "storage_secret_key": settings.secret_key.get_secret_value(),
        "storage_prefix": settings.prefix,
        "storage_create_buckets": "1",
        **SOON,
        **more,
    }


@pytest.fixture(scope="module")
def site(rgw: RGW, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    line = ThreadedLine(rgw.port, free_port())
    line.mend()
    settings = ceph_settings(rgw)
    given = told(
        settings,
        storage_endpoint=line.url,
        storage_public_endpoint=rgw.url,
        limits_max_bytes=str(MOST_BYTES),
    )
    data = tmp_path_factory.mktemp("site") / "data"
    try:
        with started(data, settings=given) as system, API(system) as api:
            eventually(api.is_ready)
            yield Site(system, api, line, rgw, settings)
    finally:
        line.close()


@pytest.fixture
def api(site: Site) -> API:
    """Give a client of a system that is well."""
    eventually(site.api.is_ready)
    return site.api


@pytest.fixture
def stranger() -> Iterator[httpx2.Client]:
    """Give a client that has nothing but URLs."""
    with httpx2.Client(trust_env=False) as client:
        yield client


def presigned(api: API, **wish: object) -> JSON:
    return good(api.post("/api/v1/uploads/presign", json=wish))


def test_pictures_and_results_lie_in_the_buckets_and_not_in_the_data_folder(
    site: Site, api: API, photo: bytes
) -> None:
    before = site.objects()
    image = api.upload(photo)

    job = api.completed(api.submit(image["image_id"], RESIZE))
    url = job["outputs"]["small"]["url"]
    whole = api.get(url).content
    part = api.get(url, headers={"range": "bytes=10-19"})
    lying = site.objects()
    gone = api.delete(f"/api/v1/images/{image['image_id']}", params={"force": "1"})

    assert api.get(image["url"]).status_code == 404
    assert pictures.opened(whole).size == (32, 24)
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert len(lying) == len(before) + 2
    assert gone.status_code == 204
    eventually(lambda: len(site.objects()) == len(before) + 1, what="the original's end")
    assert files_of(site.system) == []


def test_a_presigned_upload_goes_straight_to_the_object_store(
    site: Site, api: API, stranger: httpx2.Client, photo: bytes
) -> None:
    signed = presigned(api, content_type="image/jpeg", size_bytes=len(photo))

    long = stranger.put(signed["url"], content=photo + b"x", headers=signed["headers"])
    put = stranger.put(signed["url"], content=photo, headers=signed["headers"])
    image = good(api.post(f"/api/v1/uploads/{signed['upload_id']}/complete"))

    assert signed["url"].startswith(site.rgw.url)
    assert (long.status_code, put.status_code) == (403, 200)
    assert image["sha256"] == hashlib.sha256(photo).hexdigest()
    assert api.get(image["url"]).content == photo


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [(b"x" * (MOST_BYTES + 1), 413, "too_large"), (b"no picture", 415, "unsupported_format")],
    ids=["too much", "no picture"],
)
def test_what_arrived_in_the_store_and_is_no_picture_of_ours_is_refused_and_removed(
    site: Site, api: API, stranger: httpx2.Client, sent: bytes, status: int, code: str
) -> None:
    before = site.objects()
    signed = presigned(api)

    stranger.put(signed["url"], content=sent, headers=signed["headers"])
    arrived = site.objects()
    refused = api.post(f"/api/v1/uploads/{signed['upload_id']}/complete")

    problem(refused, status, code)
    assert len(arrived) == len(before) + 1
    assert site.objects() == before


def test_an_upload_in_chunks_is_joined_there(site: Site, api: API, photo: bytes) -> None:
    version, before = {"tus-resumable": "1.0.0"}, site.objects()
    begun = api.post("/api/v1/uploads/tus", headers={**version, "upload-length": str(len(photo))})
    place = begun.headers["location"]

    for at, piece in ((0, photo[:500]), (500, photo[500:])):
        chunk = {"upload-offset": str(at), "content-type": "application/offset+octet-stream"}
        sent = api.patch(place, content=piece, headers={**version, **chunk})
        assert sent.status_code == 204, sent.text

    assert len(site.objects()) == len(before) + 1
    assert sent.headers["upload-offset"] == str(len(photo))


def test_a_result_that_changed_in_the_store_is_made_anew(
    site: Site, api: API, photo: bytes
) -> None:
    before = set(site.objects())
    job = api.completed(api.short("flip", photo))
    whole = api.result(job)

    for key in set(site.objects()) - before:
        asyncio.run(overwritten(site.settings, key, whole, b"damaged"))
    again = api.get(job["outputs"]["result"]["url"])

    assert (again.status_code, again.content) == (200, whole)


def test_a_store_that_is_away_is_told_with_503_and_nothing_is_lost_when_it_is_back(
    site: Site, api: API, photo: bytes
) -> None:
    image = api.upload(photo)
    site.line.cut()

    refused = [api.post("/api/v1/images", content=pictures.jpeg()) for _ in range(4)]
    read = api.get(image["url"])
    waiting = api.submit(image["image_id"], {"small": [{"op": "resize", "width": 30}]})
    eventually(lambda: not api.is_ready(), what="not ready")
    site.line.mend()
    eventually(api.is_ready)
    job = api.completed(waiting)

    for answer in [*refused, read]:
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert pictures.opened(api.result(job, "small")).size == (30, 23)
    assert api.get(image["url"]).content == photo


def test_results_leave_the_store_when_their_time_is_over(rgw: RGW, tmp_path: Path) -> None:
    settings = ceph_settings(rgw)
    given = told(settings, jobs_keep_results_s="1")

    with started(tmp_path / "data", settings=given) as system, API(system) as api:
        eventually(api.is_ready)
        job = api.completed(api.short("flip", pictures.jpeg()))
        eventually(lambda: len(asyncio.run(in_store(settings))) == 1, what="the result's end")

        problem(api.get(job["outputs"]["result"]["url"]), 410, "expired")


def test_a_system_without_its_buckets_does_not_start_and_says_why(rgw: RGW, tmp_path: Path) -> None:
    given = told(
        ceph_settings(rgw), storage_create_buckets="0", storage_results_bucket="never-made"
    )

    with started(tmp_path / "data", settings=given) as system:
        ended = system.ended()

    assert ended != 0
    assert "There is no bucket never-made" in system.said()
    assert "Traceback" not in system.said()


def files_of(system: System) -> list[Path]:
    """List the objects that lie in the data folder."""
    return [each for each in (system.data / "objects").rglob("*") if each.is_file()]


async def overwritten(settings: StorageSettings, key: str, old: bytes, new: bytes) -> None:
    """Put other bytes in the place of the object that has these."""
    storage = open_objects(settings, {})

    async def pieces() -> AsyncIterator[bytes]:
        yield new

    if await storage.size(Bucket.RESULTS, key) == len(old):
        await storage.put(Bucket.RESULTS, key, pieces())
    await storage.close()
