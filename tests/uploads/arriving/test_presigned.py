"""Uploads by signed URL: what the URL opens, and what completing checks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from imagemill.errors import InvalidRequest
from imagemill.storage import Bucket, Wish
from imagemill.storage.local import LocalStorage
from tests.acceptance import pictures
from tests.acceptance.api import fields_of, good
from tests.uploads.forms import stream
from tests.uploads.service import LIMITS, OWNER, Service

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PRESIGN = "/api/v1/uploads/presign"
DAY_S = 86_400.0


async def presigned(owner: httpx2.AsyncClient, **wish: object) -> dict[str, Any]:
    answer = await owner.post(PRESIGN, json=wish)
    assert answer.status_code == 201, answer.text
    return good(answer)


async def sent(
    stranger: httpx2.AsyncClient, signed: dict[str, Any], picture: bytes
) -> httpx2.Response:
    return await stranger.put(signed["url"], content=picture, headers=signed["headers"])


async def completed(owner: httpx2.AsyncClient, signed: dict[str, Any]) -> httpx2.Response:
    return await owner.post(f"/api/v1/uploads/{signed['upload_id']}/complete")


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    return found


async def test_what_a_stranger_puts_becomes_the_owners_image(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    wish = {"content_type": "image/jpeg", "size_bytes": len(picture), "name": "beach.jpg"}
    signed = await presigned(owner, **wish)

    put = await sent(stranger, signed, picture)
    image = await completed(owner, signed)

    assert (signed["method"], signed["headers"]) == ("PUT", {"content-type": "image/jpeg"})
    assert signed["max_bytes"] == len(picture)
    assert put.status_code == 200
    assert image.status_code == 201
    told = good(image)
    assert (told["name"], told["size_bytes"], told["format"]) == ("beach.jpg", len(picture), "jpeg")
    assert image.headers["location"] == f"/api/v1/images/{told['image_id']}"
    assert [each.name for each in service.objects()] == [told["image_id"]]
    shown = good(await owner.get(f"/api/v1/uploads/{signed['upload_id']}"))
    assert (shown["status"], shown["image_id"]) == ("completed", told["image_id"])


async def test_completing_twice_answers_the_same(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())

    first, second = await asyncio.gather(completed(owner, signed), completed(owner, signed))
    third = await completed(owner, signed)

    assert [each.status_code for each in (first, second, third)] == [201, 201, 201]
    assert first.content == second.content == third.content


async def test_bytes_that_are_kept_already_are_found(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    kept = (await service.upload(picture)).image
    signed = await presigned(owner)
    await sent(stranger, signed, picture)

    answers = [await completed(owner, signed) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert {good(each)["image_id"] for each in answers} == {kept.image_id}
    assert len(service.objects()) == 1


async def test_what_is_put_again_replaces_what_was_there(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    signed = await presigned(owner)

    await sent(stranger, signed, pictures.jpeg())
    await sent(stranger, signed, pictures.png())

    assert good(await completed(owner, signed))["format"] == "png"


class Changing(LocalStorage):
    """A storage in which other bytes arrive as soon as an object was measured."""

    async def size(self, bucket: Bucket, key: str) -> int | None:
        size = await super().size(bucket, key)
        await self.put(bucket, key, stream(pictures.jpeg(200)))
        return size


async def test_bytes_that_are_sent_while_others_are_measured_are_as_announced_too(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    signed = await presigned(owner, size_bytes=len(picture))
    await sent(stranger, signed, picture)
    upload = await service.uploads.upload(OWNER, signed["upload_id"])
    storage = Changing(service.folder / "objects")

    with pytest.raises(InvalidRequest):
        await replace(service.uploads.finishing, storage=storage).finish(OWNER, upload)

    await storage.close()
    assert service.objects() == set()
    refused(await completed(owner, signed), 422, "invalid_request")


async def test_an_upload_that_was_completed_takes_no_more_bytes(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())
    await completed(owner, signed)

    answer = await sent(stranger, signed, pictures.jpeg())

    refused(answer, 409, "conflict")
    assert len(service.objects()) == 1


async def test_bytes_that_arrive_while_the_upload_ends_are_not_kept(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        await owner.delete(f"/api/v1/uploads/{signed['upload_id']}")

    answer = await stranger.put(signed["url"], content=pieces())

    refused(answer, 409, "conflict")
    assert service.objects() == set()


@pytest.mark.parametrize("late_s", [901, 1501])
async def test_a_url_opens_nothing_when_its_time_is_over(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service, late_s: int
) -> None:
    signed = await presigned(owner)
    service.clock.now += late_s

    refused(await sent(stranger, signed, pictures.jpeg()), 403, "signature_invalid")
    assert service.objects() == set()


async def test_a_url_that_was_signed_for_reading_takes_no_bytes(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, b"as it was")
    key = signed["url"].partition("/originals/")[2].partition("?")[0]
    reading = await service.uploads.storage.sign(Bucket.ORIGINALS, key, Wish("GET", 60))

    refused(await stranger.put(reading.url, content=b"x"), 403, "signature_invalid")
    refused(await stranger.get(signed["url"]), 403, "signature_invalid")
    found = await stranger.get(reading.url)
    assert found.content == b"as it was"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("most=", "most=9"),
        lambda url: url.replace("/originals/", "/results/"),
        lambda url: url.partition("?")[0],
        lambda url: f"{url}&more=1",
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
    ],
    ids=["more bytes", "another bucket", "no signature", "something more", "another signature"],
)
async def test_a_url_that_was_changed_opens_nothing(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, change: Callable[[str], str]
) -> None:
    signed = await presigned(owner)

    answer = await stranger.put(change(signed["url"]), content=pictures.jpeg())

    refused(answer, 403, "signature_invalid")


async def test_a_url_opens_only_objects_of_uploads(
    stranger: httpx2.AsyncClient, service: Service
) -> None:
    storage = service.uploads.storage
    other = await storage.sign(Bucket.ORIGINALS, "ab/c", Wish("PUT", 60))
    result = await storage.sign(Bucket.RESULTS, "ab/c", Wish("PUT", 60))
    nothing = await storage.sign(Bucket.RESULTS, "ab/c", Wish("GET", 60))

    for url in (other.url, result.url):
        refused(await stranger.put(url, content=b"x"), 404, "not_found")
    refused(await stranger.get(nothing.url), 404, "not_found")
    assert service.objects() == set()


@pytest.mark.parametrize("sent_type", ["image/png", None])
async def test_the_type_has_to_be_sent_as_it_was_signed(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, sent_type: str | None
) -> None:
    signed = await presigned(owner, content_type="image/jpeg")
    headers = {"content-type": sent_type} if sent_type else {}

    answer = await stranger.put(signed["url"], content=pictures.jpeg(), headers=headers)

    refused(answer, 403, "signature_invalid")


async def test_more_bytes_than_were_signed_are_cut_off(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner, size_bytes=1000)

    refused(await sent(stranger, signed, bytes(1001)), 413, "too_large")
    refused(await sent(stranger, signed, b""), 422, "invalid_request")
    assert service.objects() == set()


async def test_a_picture_of_another_type_than_announced_fails_its_upload(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner, content_type="image/png")
    await sent(stranger, signed, pictures.jpeg())

    answers = [await completed(owner, signed) for _ in range(2)]

    told = [refused(each, 422, "invalid_request") for each in answers]
    assert fields_of(told[0]) == {"content_type"}
    assert told[0]["detail"] == told[1]["detail"]
    assert service.objects() == set()
    shown = good(await owner.get(f"/api/v1/uploads/{signed['upload_id']}"))
    assert (shown["status"], shown["error"]["code"]) == ("failed", "invalid_request")


async def test_a_picture_of_another_size_than_announced_fails_its_upload(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    picture = pictures.jpeg()
    signed = await presigned(owner, size_bytes=len(picture) + 1)
    await sent(stranger, signed, picture)

    told = refused(await completed(owner, signed), 422, "invalid_request")

    assert fields_of(told) == {"size_bytes"}
    assert service.objects() == set()


async def test_an_object_that_grew_past_the_limit_is_not_taken_in(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    """A storage with servers of its own cannot always hold a body to a size."""
    signed = await presigned(owner)
    key = signed["url"].partition("/originals/")[2].partition("?")[0]

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(LIMITS.max_bytes + 1)

    await service.uploads.storage.put(Bucket.ORIGINALS, key, pieces())

    refused(await completed(owner, signed), 413, "too_large")
    assert service.objects() == set()


async def test_what_is_no_picture_fails_its_upload(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, b"no picture")

    for _ in range(2):
        refused(await completed(owner, signed), 415, "unsupported_format")

    assert service.objects() == set()
    refused(await sent(stranger, signed, pictures.jpeg()), 409, "conflict")


async def test_completing_before_bytes_arrived_is_refused_and_can_be_done_later(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    signed = await presigned(owner)

    early = await completed(owner, signed)
    await sent(stranger, signed, pictures.jpeg())
    later = await completed(owner, signed)

    refused(early, 409, "conflict")
    assert later.status_code == 201


async def test_somebody_elses_upload_answers_like_one_that_is_not_there(
    owner: httpx2.AsyncClient, foreigner: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())
    theirs, nobodys = (f"/api/v1/uploads/{each}" for each in (signed["upload_id"], uuid.uuid4()))

    for method, path in (("GET", ""), ("POST", "/complete"), ("DELETE", "")):
        answers = [
            (await foreigner.request(method, f"{each}{path}")).json() for each in (theirs, nobodys)
        ]
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
    assert (await completed(owner, signed)).status_code == 201


async def test_an_upload_that_was_given_up_is_gone(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())
    one = f"/api/v1/uploads/{signed['upload_id']}"

    given_up = await owner.delete(one)

    assert given_up.status_code == 204
    assert service.objects() == set()
    refused(await owner.get(one), 404, "not_found")
    refused(await completed(owner, signed), 404, "not_found")
    refused(await owner.delete(one), 404, "not_found")
    refused(await sent(stranger, signed, pictures.jpeg()), 409, "conflict")


async def test_an_upload_that_was_not_completed_expires_with_its_bytes(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner, expires_in_s=60)
    await sent(stranger, signed, pictures.jpeg())
    one = f"/api/v1/uploads/{signed['upload_id']}"

    service.clock.now += 60 + 3599
    await service.uploads.upload_sweep.once()
    assert len(service.objects()) == 1
    assert good(await owner.get(one))["status"] == "open"

    service.clock.now += 1
    refused(await completed(owner, signed), 410, "expired")
    assert good(await owner.get(one))["status"] == "expired"
    await service.uploads.upload_sweep.once()
    assert service.objects() == set()
    refused(await completed(owner, signed), 410, "expired")

    service.clock.now += DAY_S
    await service.uploads.upload_sweep.once()
    refused(await completed(owner, signed), 404, "not_found")


async def test_bytes_that_come_after_the_end_are_swept_with_the_row(
    owner: httpx2.AsyncClient, service: Service
) -> None:
    """A storage with servers of its own does not know that an upload has ended."""
    signed = await presigned(owner)
    key = signed["url"].partition("/originals/")[2].partition("?")[0]
    await owner.delete(f"/api/v1/uploads/{signed['upload_id']}")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"late"

    await service.uploads.storage.put(Bucket.ORIGINALS, key, pieces())
    service.clock.now += 2 * DAY_S
    await service.uploads.upload_sweep.once()

    assert service.objects() == set()


async def test_the_loop_ends_uploads_too(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())
    service.clock.now += DAY_S
    settings = service.uploads.settings.model_copy(update={"sweep_every_s": 0.01})
    loop = asyncio.create_task(replace(service.uploads, settings=settings).sweep())

    async with asyncio.timeout(20):
        while service.objects():
            await owner.get(f"/api/v1/uploads/{signed['upload_id']}")
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)

    refused(await completed(owner, signed), 410, "expired")


async def test_one_owner_has_so_many_open_uploads_and_no_more(
    owner: httpx2.AsyncClient, foreigner: httpx2.AsyncClient, service: Service
) -> None:
    most = service.uploads.settings.max_open_per_owner
    begun = [await presigned(owner) for _ in range(most)]

    told = refused(await owner.post(PRESIGN, json={}), 409, "too_many")

    assert told["limit"] == {"limit_uploads": most}
    assert (await foreigner.post(PRESIGN, json={})).status_code == 201
    await owner.delete(f"/api/v1/uploads/{begun[0]['upload_id']}")
    assert (await owner.post(PRESIGN, json={})).status_code == 201


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({"colour": "red"}, 422, "colour"),
        ({"content_type": "text/html"}, 422, "content_type"),
        ({"content_type": "image/jpeg; a=b"}, 422, "content_type"),
        ({"size_bytes": 0}, 422, "size_bytes"),
        ({"size_bytes": LIMITS.max_bytes + 1}, 413, None),
        ({"expires_in_s": 0}, 422, "expires_in_s"),
        ({"expires_in_s": 700_000}, 422, "expires_in_s"),
        ({"name": ""}, 422, "name"),
        ({"storage_key": "ab/c"}, 422, "storage_key"),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused_by_name(
    owner: httpx2.AsyncClient, wish: dict[str, object], status: int, field: str | None
) -> None:
    answer = await owner.post(PRESIGN, json=wish)

    assert answer.status_code == status, answer.text
    assert fields_of(answer.json()) == ({field} if field else set())


async def test_what_is_sent_again_under_its_key_is_done_once(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    key, other = ({"idempotency-key": str(uuid.uuid4())} for _ in range(2))
    begun = [await owner.post(PRESIGN, json={}, headers=key) for _ in range(2)]
    changed = await owner.post(PRESIGN, json={"name": "x"}, headers=key)
    await sent(stranger, good(begun[0]), pictures.jpeg())
    complete = f"/api/v1/uploads/{good(begun[0])['upload_id']}/complete"

    ended = [await owner.post(complete, headers=other) for _ in range(2)]

    for first, again in (begun, ended):
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert first.headers["location"] == again.headers["location"]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
    refused(changed, 422, "idempotency_key_reused")


async def test_an_upload_whose_image_was_deleted_says_so(
    owner: httpx2.AsyncClient, stranger: httpx2.AsyncClient, service: Service
) -> None:
    signed = await presigned(owner)
    await sent(stranger, signed, pictures.jpeg())
    image_id = good(await completed(owner, signed))["image_id"]
    await service.uploads.remove(OWNER, image_id, force=False)

    told = refused(await completed(owner, signed), 404, "not_found")

    assert "deleted" in told["detail"]
