"""However a picture comes in, it is counted, bounded and told of once; an account leaves none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.identity import STRANGER, Identity
from imagemill.contracts.uploads import ImageText
from imagemill.contracts.usage import KeyIntake, month_of
from imagemill.database import Connection
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import QuotaExceeded
from tests.acceptance import pictures
from tests.acceptance.api import good
from tests.egress.hosts import Host, answer, host
from tests.peers.engines import tables
from tests.uploads.asking import CHUNK, FOREIGNER, TUS, VERSION, asking
from tests.uploads.fetching import Fetcher, fetching
from tests.uploads.forms import FORM, file_part, form, stream
from tests.uploads.service import OWNER

pytestmark = pytest.mark.slow

PICTURE = pictures.jpeg()
KEY = OWNER.model_copy(update={"key_id": "k1"})
COUNTERS = {"image_numbers"}
"""Tables that hold the last number that was given out, of anything of anybody."""
FULL = KEY.model_copy(update={"stored_bytes": 9})


@pytest.fixture
async def here() -> AsyncIterator[Host]:
    async with host(answer(body=PICTURE)) as opened:
        yield opened


@pytest.fixture
async def service(tmp_path: Path, sandbox: Sandbox, here: Host) -> AsyncIterator[Fetcher]:
    async with fetching(tmp_path, sandbox, here) as opened:
        yield opened


async def as_body(service: Fetcher, who: Identity, here: Host) -> str | None:
    async with asking(service, who) as client:
        said = await client.post("/api/v1/images", content=PICTURE)
        return str(good(said)["image_id"]) if said.is_success else None


async def in_a_form_of_many(service: Fetcher, who: Identity, here: Host) -> str | None:
    body = stream(form(file_part(PICTURE)))
    try:
        told = await service.client.take_in_many(body, {"content-type": FORM}, caller=who)
    except QuotaExceeded:  # Of all its pictures.
        return None
    image = told.items[0].image
    return image.image_id if image else None


async def by_signed_url(service: Fetcher, who: Identity, here: Host) -> str | None:
    async with asking(service, who) as client, asking(service, STRANGER) as stranger:
        signed = good(await client.post("/api/v1/uploads/presign", json={}))
        await stranger.put(signed["url"], content=PICTURE)
        said = await client.post(f"/api/v1/uploads/{signed['upload_id']}/complete")
        return str(good(said)["image_id"]) if said.is_success else None


async def in_chunks(service: Fetcher, who: Identity, here: Host) -> str | None:
    async with asking(service, who) as client:
        headers = {**CHUNK, "upload-length": str(len(PICTURE))}
        said = await client.post(TUS, content=PICTURE, headers=headers)
        return said.headers.get("imagemill-image-id")


async def by_url(service: Fetcher, who: Identity, here: Host) -> str | None:
    image_id = await service.fetch(f"{here.url}a.jpg", who)
    told = await service.told(image_id)
    return image_id if told.type == "image.stored" else None


Way = Callable[[Fetcher, Identity, Host], Awaitable[str | None]]
WAYS: list[Way] = [as_body, in_a_form_of_many, by_signed_url, in_chunks, by_url]


@pytest.mark.parametrize("way", WAYS)
async def test_a_picture_is_counted_and_told_of_once(
    service: Fetcher, here: Host, way: Way
) -> None:
    image_id = await way(service, KEY, here)

    events = await service.process.events(0, wait_s=0)
    size = len(PICTURE)
    mine = KeyIntake(key_id="k1", images=1, bytes_in=size, stored_images=1, stored_bytes=size)
    assert [(each.type, each.image_id) for each in events] == [("image.stored", image_id)]
    assert await service.client.usage(month_of(service.clock.now), caller=OWNER) == [mine]
    assert len(service.objects()) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_picture_beyond_the_quota_is_not_kept(
    service: Fetcher, here: Host, way: Way
) -> None:
    image_id = await way(service, FULL, here)

    events = await service.process.events(0, wait_s=0)
    shelf = await service.uploads.database.read(lambda each: each.execute("SELECT * FROM images"))
    assert (image_id, shelf) == (None, [])
    assert {each.code for each in events} <= {"quota_exceeded"}
    assert await service.client.usage(month_of(service.clock.now), caller=OWNER) == []


async def rows(service: Fetcher) -> dict[str, list[dict[str, Any]]]:
    """Read every table of the service, the index of words by what it says of each image."""

    def unit(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        names = tables(connection)
        assert {"images", "fetches", "uploads", "chunks", "events", "image_words"} <= {*names}
        statements = {name: f'SELECT * FROM "{name}"' for name in names}  # noqa: S608 - names of tables
        return {
            name: [dict(row) for row in connection.execute(statement)]
            for name, statement in statements.items()
            if not name.startswith("image_words_")
        }

    return await service.uploads.database.read(unit)


async def test_an_account_that_is_gone_leaves_nothing(service: Fetcher, here: Host) -> None:
    await as_body(service, FOREIGNER, here)
    before, objects = await rows(service), service.objects()
    image_id = await in_chunks(service, KEY, here)
    for way in (as_body, by_url):
        await way(service, KEY, here)
    failed = await service.fetch(f"http://127.0.0.2:{here.port}/", KEY)
    await service.told(failed)
    async with asking(service, KEY) as client, asking(service, STRANGER) as stranger:
        signed = good(await client.post("/api/v1/uploads/presign", json={}))
        await stranger.put(signed["url"], content=PICTURE)
        begun = {**CHUNK, "upload-length": str(len(PICTURE))}
        await client.post(TUS, content=PICTURE[:100], headers=begun)
        described = {"tags": ["sea"], "metadata": {"of": "atlas"}, "public": True}
        await client.patch(f"/api/v1/images/{image_id}", json=described)
        await client.post("/api/v1/images", content=PICTURE, headers={"idempotency-key": "k"})
    text = ImageText(source="ocr", text="harbour")
    await service.client.add_text(str(image_id), text, caller=KEY)

    for _ in range(2):
        await service.process.service.call("POST", "/internal/accounts/owner/delete")

    after = await rows(service)
    assert {name for name in after if after[name] != before[name]} == COUNTERS
    assert service.objects() == objects


async def test_a_whole_upload_waits_for_room(service: Fetcher) -> None:
    async with asking(service, FULL) as client:
        refused = await client.post(
            TUS, content=PICTURE, headers={**CHUNK, "upload-length": str(len(PICTURE))}
        )
        (path,) = [f"{TUS}/{each['id']}" for each in (await rows(service))["uploads"]]

    async with asking(service, KEY) as client:
        looked = await client.head(path, headers=VERSION)

    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert looked.status_code == 200
    assert looked.headers["upload-offset"] == str(len(PICTURE))
    assert looked.headers["imagemill-image-id"]
