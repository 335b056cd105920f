"""Uploads in chunks, by the tus protocol: what is kept, what is refused, who may go on."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from imagemill.database import Connection
from imagemill.errors import Conflict, TooMany
from imagemill.storage import Bucket
from imagemill.uploads.records import uploads as rows
from imagemill.uploads.upload import Chunk, Upload
from tests.acceptance import pictures
from tests.acceptance.api import good
from tests.uploads.asking import CHUNK, EVERYTHING, TUS, VERSION, asking, cut, in_base64
from tests.uploads.forms import stream
from tests.uploads.service import LIMITS, OWNER, Service

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DAY_S = 86_400.0


async def begun(owner: httpx2.AsyncClient, size: int, **headers: str) -> str:
    """Begin an upload; gives its path."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await owner.post(TUS, headers={**VERSION, "upload-length": str(size), **more})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def added(
    owner: httpx2.AsyncClient, path: str, at: int, content: bytes, **headers: str
) -> httpx2.Response:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await owner.patch(
        path, content=content, headers={**CHUNK, "upload-offset": str(at), **more}
    )


async def offset(owner: httpx2.AsyncClient, path: str) -> int:
    answer = await owner.head(path, headers=VERSION)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


async def shown(owner: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    return good(await owner.get(path.replace("/tus/", "/")))


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_what_is_offered_is_told(owner: httpx2.AsyncClient) -> None:
    answer = await owner.options(TUS)

    assert answer.status_code == 204
    told = {name: each for name, each in answer.headers.items() if name.startswith("tus-")}
    assert told == {
        "tus-resumable": "1.0.0",
        "tus-version": "1.0.0",
        "tus-extension": "creation,creation-with-upload,termination,expiration,checksum",
        "tus-max-size": str(LIMITS.max_bytes),
        "tus-checksum-algorithm": "sha1,sha256",
    }


async def test_a_picture_in_chunks_becomes_an_image(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    metadata = f"filename {in_base64(b'beach.jpg')},album {in_base64(b'summer')}"
    path = await begun(owner, len(picture), upload_metadata=metadata)

    first = await added(owner, path, 0, picture[:1000])
    looked = await owner.head(path, headers=VERSION)
    last = await added(owner, path, 1000, picture[1000:])

    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert "imagemill-image-id" not in first.headers
    assert looked.headers["upload-length"] == str(len(picture))
    assert looked.headers["upload-metadata"] == metadata
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(picture)))
    image = await service.uploads.get(OWNER, last.headers["imagemill-image-id"])
    assert image.sha256 == hashlib.sha256(picture).hexdigest()
    assert image.name == "beach.jpg"
    assert [each.name for each in service.objects()] == [image.image_id]
    told = await shown(owner, path)
    assert (told["status"], told["image_id"]) == ("completed", image.image_id)
    assert told["metadata"] == {"filename": "beach.jpg", "album": "summer"}


async def test_a_picture_may_come_with_the_creation(owner: httpx2.AsyncClient) -> None:
    picture = pictures.jpeg()

    answer = await owner.post(
        TUS, content=picture, headers={**CHUNK, "upload-length": str(len(picture))}
    )

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(picture)))
    assert answer.headers["imagemill-image-id"]


async def test_what_is_complete_stays_as_it_is(owner: httpx2.AsyncClient) -> None:
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    last = await added(owner, path, 0, picture)

    again = await added(owner, path, len(picture), b"")
    looked = await owner.head(path, headers=VERSION)
    completed = await owner.post(f"{path.replace('/tus/', '/')}/complete")

    image_id = last.headers["imagemill-image-id"]
    assert again.headers["imagemill-image-id"] == image_id
    assert looked.headers["imagemill-image-id"] == image_id
    assert "upload-expires" not in looked.headers
    assert good(completed)["image_id"] == image_id
    refused(await added(owner, path, 0, picture), 409, "conflict")


async def test_bytes_that_arrived_before_a_cut_are_kept(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))

    await cut(service, path, [picture[:700], picture[700:1500]], {**CHUNK, "upload-offset": "0"})

    assert await offset(owner, path) == 1500
    last = await added(owner, path, 1500, picture[1500:])
    image = await service.uploads.get(OWNER, last.headers["imagemill-image-id"])
    assert image.sha256 == hashlib.sha256(picture).hexdigest()


@pytest.mark.parametrize("seed", range(3))
async def test_however_the_line_is_cut_the_bytes_are_those_that_were_sent(
    owner: httpx2.AsyncClient, service: Service, seed: int
) -> None:
    chance = random.Random(seed)
    picture = pictures.png(300, 200)
    path = await begun(owner, len(picture))

    while (at := await offset(owner, path)) < len(picture):
        headers = {**CHUNK, "upload-offset": str(at)}
        ends = sorted(chance.choices(range(at, len(picture) + 1), k=chance.randint(0, 4)))
        pieces = [picture[start:end] for start, end in itertools.pairwise([at, *ends])]
        await cut(service, path, pieces, headers)

    image_id = (await shown(owner, path))["image_id"]
    image = await service.uploads.get(OWNER, image_id)
    assert image.sha256 == hashlib.sha256(picture).hexdigest()
    assert len(service.objects()) == 1


async def test_a_cut_before_the_first_byte_leaves_nothing(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 100)

    await cut(service, path, [], {**CHUNK, "upload-offset": "0"})

    assert await offset(owner, path) == 0
    assert service.objects() == set()


async def test_bytes_under_a_checksum_are_kept_whole_or_not_at_all(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    right = f"sha256 {in_base64(hashlib.sha256(picture[:1000]).digest())}"
    other = f"sha1 {in_base64(hashlib.sha1(b'other', usedforsecurity=False).digest())}"

    wrong = await added(owner, path, 0, picture[:1000], upload_checksum=other)
    headers = {**CHUNK, "upload-offset": "0", "upload-checksum": right}
    await cut(service, path, [picture[:500]], headers)
    unknown = await added(owner, path, 0, picture[:1000], upload_checksum="md5 YQ==")

    refused(wrong, 460, "checksum_mismatch")
    refused(unknown, 400, "malformed_body")
    assert await offset(owner, path) == 0
    assert service.objects() == set()
    kept = await added(owner, path, 0, picture[:1000], upload_checksum=right)
    assert (kept.status_code, kept.headers["upload-offset"]) == (204, "1000")


async def test_a_long_body_is_kept_every_eight_mebibytes(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    size = 20_000_000
    limits = service.uploads.limits.model_copy(update={"max_bytes": size})
    service.uploads = replace(service.uploads, limits=limits)
    checksum = f"sha256 {in_base64(hashlib.sha256(bytes(size - 1)).digest())}"

    async with asking(service) as client:
        plain, checked = [await begun(client, size) for _ in range(2)]
        await added(client, plain, 0, bytes(size - 1))
        await added(client, checked, 0, bytes(size - 1), upload_checksum=checksum)

    for path in (plain, checked):
        assert await sizes(service, path) == [8 << 20, 8 << 20, size - 1 - (16 << 20)]


async def sizes(service: Service, path: str) -> list[int | None]:
    upload_id = path.rpartition("/")[2]
    found = await service.uploads.database.read(lambda each: rows.kept_chunks(each, upload_id))
    return [each.size_bytes for each in found]


async def test_while_one_adds_a_second_is_told_to_wait(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    seconds: list[httpx2.Response] = []

    async with asking(service) as client:

        async def slowly() -> AsyncIterator[bytes]:
            yield picture[:1000]
            seconds.append(await added(client, path, 0, picture))
            yield picture[1000:]

        headers = {**CHUNK, "upload-offset": "0"}
        first = await client.patch(path, content=slowly(), headers=headers)

    refused(seconds[0], 423, "locked")
    assert first.headers["imagemill-image-id"]


async def test_who_asks_for_the_offset_ends_the_request_that_hangs(
    owner: httpx2.AsyncClient,
) -> None:
    path = await begun(owner, 5000)
    hangs = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        hangs.set()
        await asyncio.Event().wait()

    headers = {**CHUNK, "upload-offset": "0"}
    async with asyncio.TaskGroup() as group:
        first = group.create_task(owner.patch(path, content=hanging(), headers=headers))
        await hangs.wait()
        kept = await offset(owner, path)

    assert kept == 1000
    assert first.result().headers["upload-offset"] == "1000"


async def test_a_process_that_stops_keeps_what_it_read(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 5000)

    async def stopping() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        service.uploads.turns.end_all()
        yield b"y" * 1000

    answer = await owner.patch(path, content=stopping(), headers={**CHUNK, "upload-offset": "0"})

    assert int(answer.headers["upload-offset"]) in {1000, 2000}


async def test_two_processes_cannot_interleave(owner: httpx2.AsyncClient, service: Service) -> None:
    """The lock of one process says nothing to another; the row does."""
    path = await begun(owner, 5000)
    upload = await service.uploads.upload(OWNER, path.rpartition("/")[2])
    resumable = service.uploads.resumable

    async def overtaken() -> AsyncIterator[bytes]:
        yield b"a" * 1000
        await resumable.append(upload, stream(b"b" * 2000))

    with pytest.raises(Conflict):
        await resumable.append(upload, overtaken())

    assert await offset(owner, path) == 2000
    assert [each.stat().st_size for each in service.objects()] == [2000]


async def test_an_upload_that_a_killed_process_was_adding_to_is_free(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    """What is left is an object and its row; the next request begins where the rows end."""
    path = await begun(owner, 5000)
    upload_id = path.rpartition("/")[2]
    key = "uploads/ab/left-behind"
    await service.uploads.database.run(lambda each: rows.begin_chunk(each, upload_id, key))
    await service.uploads.storage.put(Bucket.ORIGINALS, key, stream(b"x" * 1000))

    answer = await added(owner, path, 0, b"y" * 2000)
    await owner.delete(path, headers=VERSION)

    assert answer.headers["upload-offset"] == "2000"
    assert service.objects() == set()


async def test_an_upload_that_is_whole_and_was_not_taken_in_is_taken_in_by_the_next_look(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    """A kill between the last chunk and the image leaves just this."""
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    upload = await service.uploads.upload(OWNER, path.rpartition("/")[2])
    await service.uploads.resumable.append(upload, stream(picture))

    looked = await owner.head(path, headers=VERSION)

    assert looked.headers["upload-offset"] == str(len(picture))
    assert looked.headers["imagemill-image-id"]


async def test_what_is_not_whole_cannot_be_completed(owner: httpx2.AsyncClient) -> None:
    path = await begun(owner, 5000)
    await added(owner, path, 0, b"x")

    answer = await owner.post(f"{path.replace('/tus/', '/')}/complete")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_picture_that_is_refused_fails_its_upload(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 10)

    last = await added(owner, path, 0, b"no picture")
    looked = await owner.head(path, headers=VERSION)
    again = await added(owner, path, 10, b"")

    refused(last, 415, "unsupported_format")
    assert looked.status_code == 415
    refused(again, 415, "unsupported_format")
    assert service.objects() == set()
    told = await shown(owner, path)
    assert (told["status"], told["error"]["code"]) == ("failed", "unsupported_format")


async def test_chunks_that_changed_in_storage_fail_their_upload(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    await added(owner, path, 0, picture[:1000])
    next(iter(service.objects())).write_bytes(bytes(1000))

    refused(await added(owner, path, 1000, picture[1000:]), 502, "integrity")
    assert service.objects() == set()


async def test_chunks_that_are_gone_fail_their_upload(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    """A restore brings the rows back, and no chunks."""
    picture = pictures.jpeg()
    path = await begun(owner, len(picture))
    await added(owner, path, 0, picture[:1000])
    next(iter(service.objects())).unlink()

    refused(await added(owner, path, 1000, picture[1000:]), 410, "expired")
    assert (await shown(owner, path))["status"] == "failed"


async def test_more_bytes_than_announced_are_refused(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 1000)

    said = await added(owner, path, 0, bytes(1001))
    unsaid = await owner.patch(
        path, content=stream(bytes(1500)), headers={**CHUNK, "upload-offset": "0"}
    )

    refused(said, 413, "too_large")
    refused(unsaid, 413, "too_large")
    assert await offset(owner, path) == 0
    assert service.objects() == set()


async def test_an_upload_comes_in_so_many_chunks_and_no_more(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 5000)
    upload = await service.uploads.upload(OWNER, path.rpartition("/")[2])

    def keep(each: Connection) -> Upload:
        chunks = [Chunk(f"k{n}", n, 1, "") for n in range(3)]
        return rows.keep_chunks(each, upload, chunks, expires_at=0, most=2)

    with pytest.raises(TooMany, match="2 chunks"):
        await service.uploads.database.run(keep)


@pytest.mark.parametrize("at", ["1", "999"])
async def test_a_chunk_belongs_at_the_end(owner: httpx2.AsyncClient, at: str) -> None:
    path = await begun(owner, 5000)

    refused(await added(owner, path, int(at), b"x"), 409, "conflict")


async def test_what_is_not_the_protocol_is_refused(owner: httpx2.AsyncClient) -> None:
    path = await begun(owner, 5000)
    length = {"upload-length": "5"}

    unversioned = [
        await owner.post(TUS, headers=length),
        await owner.patch(path, content=b"x"),
        await owner.delete(path),
    ]
    other = await owner.patch(path, content=b"x", headers={**VERSION, "upload-offset": "0"})
    no_offset = await owner.patch(path, content=b"x", headers=CHUNK)
    queried = await owner.patch(f"{path}?a=1", content=b"x", headers=CHUNK)
    deferred = await owner.post(TUS, headers={**VERSION, "upload-defer-length": "1"})

    for answer in unversioned:
        refused(answer, 412, "unsupported_version")
        assert answer.headers["tus-version"] == "1.0.0"
    assert (await owner.head(path)).status_code == 412
    refused(other, 415, "unsupported_body")
    for answer in (no_offset, queried, deferred):
        refused(answer, 422, "invalid_request")


async def test_post_can_stand_for_other_methods(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 5000)
    override = "x-http-method-override"

    headers = {**CHUNK, "upload-offset": "0", override: "PATCH"}
    added_ = await owner.post(path, content=b"x" * 10, headers=headers)
    unknown = await owner.post(path, headers={**VERSION, override: "GET"})
    removed = await owner.post(path, headers={**VERSION, override: "DELETE"})

    assert (added_.status_code, added_.headers["upload-offset"]) == (204, "10")
    refused(unknown, 422, "invalid_request")
    assert removed.status_code == 204
    assert service.objects() == set()


async def test_an_upload_that_was_given_up_is_gone(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 5000)
    await added(owner, path, 0, b"x" * 1000)

    removed = await owner.delete(path, headers=VERSION)

    assert removed.status_code == 204
    assert service.objects() == set()
    assert (await owner.head(path, headers=VERSION)).status_code == 404
    refused(await added(owner, path, 1000, b"x"), 404, "not_found")
    refused(await owner.delete(path, headers=VERSION), 404, "not_found")


async def test_giving_up_ends_the_request_that_adds(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    path = await begun(owner, 5000)
    hangs = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        hangs.set()
        await asyncio.Event().wait()

    headers = {**CHUNK, "upload-offset": "0"}
    async with asyncio.TaskGroup() as group:
        group.create_task(owner.patch(path, content=hanging(), headers=headers))
        await hangs.wait()
        await owner.delete(path, headers=VERSION)

    assert service.objects() == set()


async def test_each_byte_puts_the_end_off(owner: httpx2.AsyncClient, service: Service) -> None:
    path = await begun(owner, 5000)
    expires = [(await owner.head(path, headers=VERSION)).headers["upload-expires"]]

    service.clock.now += DAY_S - 1
    expires.append((await added(owner, path, 0, b"x")).headers["upload-expires"])
    service.clock.now += DAY_S - 1
    await service.uploads.upload_sweep.once()
    assert await offset(owner, path) == 1

    service.clock.now += 1
    assert expires[0] != expires[1]
    assert (await owner.head(path, headers=VERSION)).status_code == 410
    refused(await added(owner, path, 1, b"x"), 410, "expired")
    await service.uploads.upload_sweep.once()
    assert service.objects() == set()
    assert (await shown(owner, path))["status"] == "expired"


async def test_somebody_elses_upload_answers_like_one_that_is_not_there(
    owner: httpx2.AsyncClient, foreigner: httpx2.AsyncClient
) -> None:
    theirs, nobodys = await begun(owner, 5000), f"{TUS}/{uuid.uuid4()}"
    headers = {**CHUNK, "upload-offset": "0"}

    for method in ("PATCH", "DELETE"):
        answers = [
            (await foreigner.request(method, each, headers=headers)).json()
            for each in (theirs, nobodys)
        ]
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
    assert (await foreigner.head(theirs, headers=VERSION)).status_code == 404
    assert await offset(owner, theirs) == 0


async def test_an_upload_by_signed_url_takes_no_chunks(owner: httpx2.AsyncClient) -> None:
    signed = good(await owner.post("/api/v1/uploads/presign", json={}))

    answer = await added(owner, f"{TUS}/{signed['upload_id']}", 0, b"x")

    refused(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("scope", "status"), [("images:read", 403), ("images:write", 201), ("jobs:*", 403)]
)
async def test_sending_takes_the_scope_of_writing_images(
    service: Service, scope: str, status: int
) -> None:
    who = EVERYTHING.model_copy(update={"scopes": frozenset({scope})})

    async with asking(service, who) as client:
        answer = await client.post(TUS, headers={**VERSION, "upload-length": "5"})

    assert answer.status_code == status
