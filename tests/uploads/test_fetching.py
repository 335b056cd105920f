"""Images by URL: promised at once, fetched by a loop, and told of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Promise
from imagemill.database import Connection
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import (
    Conflict,
    IdempotencyKeyReused,
    ImageInUse,
    InvalidRequest,
    NotFound,
    TooMany,
    UrlNotAllowed,
)
from imagemill.uploads.records import fetches
from tests.acceptance import pictures
from tests.egress.hosts import Host, answer, host
from tests.uploads.fetching import QUICK, Fetcher, fetching
from tests.uploads.service import OWNER

pytestmark = pytest.mark.slow

OTHER = Identity(account="other", scopes=frozenset({"*"}))
PICTURE = pictures.jpeg()


@pytest.fixture
async def here() -> AsyncIterator[Host]:
    async def answering(head: bytes, writer: asyncio.StreamWriter) -> None:
        said = PLAN.get(head.split()[1].decode(), answer(404))
        await said(head, writer)

    async with host(answering) as opened:
        yield opened


PLAN = {
    "/a.jpg": answer(body=PICTURE),
    "/500": answer(500),
    "/text": answer(body=b"<html>not a picture</html>"),
}


@pytest.fixture
async def service(tmp_path: Path, sandbox: Sandbox, here: Host) -> AsyncIterator[Fetcher]:
    async with fetching(tmp_path, sandbox, here) as opened:
        yield opened


async def test_an_image_has_its_id_before_it_is_there(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        reply = await service.send(json.dumps({"url": f"{here.url}a.jpg", "name": "a.jpg"}))

        said = json.loads(reply.body)
        assert (reply.status, said["status"], said["name"]) == (202, "pending", "a.jpg")
        assert reply.headers["location"] == f"/api/v1/images/{said['image_id']}"
        assert await service.shown(said["image_id"]) == said
        with pytest.raises(Conflict):
            await service.ask("GET", f"/api/v1/images/{said['image_id']}/content")
        with pytest.raises(NotFound):
            await service.shown(said["image_id"], OTHER)


async def test_an_image_is_fetched_and_told_of(service: Fetcher, here: Host) -> None:
    image_id = await service.fetch(f"{here.url}a.jpg")

    told = await service.told(image_id)

    shown = await service.shown(image_id)
    content = await service.ask("GET", f"/api/v1/images/{image_id}/content")
    assert (told.type, told.owner, told.code) == ("image.stored", "owner", None)
    assert (shown["image_id"], shown["status"], shown["format"]) == (image_id, "stored", "jpeg")
    assert content.body == PICTURE


async def test_an_upload_is_told_of_once(service: Fetcher) -> None:
    for _ in range(2):
        image_id = (await service.upload(PICTURE)).image.image_id

    events = await service.process.events(0, wait_s=0)
    assert [(each.type, each.image_id) for each in events] == [("image.stored", image_id)]
    assert await service.process.newest_event() == events[-1].id


async def test_bytes_that_are_kept_already_lead_to_that_image(service: Fetcher, here: Host) -> None:
    kept = (await service.upload(PICTURE)).image.image_id

    image_id = await service.fetch(f"{here.url}a.jpg")

    told = await service.told(image_id)
    assert told.type == "image.stored"
    assert (await service.shown(image_id))["image_id"] == kept
    assert (await service.client.find([image_id], caller=OWNER))[image_id].image_id == kept
    assert len(service.objects()) == 1
    await service.ask("DELETE", f"/api/v1/images/{image_id}")
    for each in (kept, image_id):
        with pytest.raises(NotFound):
            await service.shown(each)


async def test_an_image_that_came_and_was_deleted_is_gone(service: Fetcher, here: Host) -> None:
    image_id = await service.fetch(f"{here.url}a.jpg")
    await service.told(image_id)

    await service.ask("DELETE", f"/api/v1/images/{image_id}")

    for path in ("", "/content"):
        with pytest.raises(NotFound):
            await service.ask("GET", f"/api/v1/images/{image_id}{path}")


@pytest.mark.parametrize(
    ("path", "code", "asked"),
    [
        ("404", "source_unavailable", 1),
        ("500", "source_unavailable", 4),
        ("text", "unsupported_format", 1),
    ],
)
async def test_an_image_that_does_not_come_tells_why(
    service: Fetcher, here: Host, path: str, code: str, asked: int
) -> None:
    image_id = await service.fetch(f"{here.url}{path}")

    told = await service.told(image_id)

    shown = await service.shown(image_id)
    assert (told.type, told.code) == ("image.failed", code)
    assert (shown["status"], shown["error"]["code"]) == ("failed", code)
    assert len(here.asked) == asked
    assert service.objects() == set()


async def test_an_image_that_is_deleted_on_its_way_does_not_come(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    go, asked = asyncio.Event(), asyncio.Event()

    async def waiting(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go.wait()
        await answer(body=PICTURE)(head, writer)

    async with host(waiting) as here, fetching(tmp_path, sandbox, here) as service:
        image_id = await service.fetch(f"{here.url}a.jpg")
        await asked.wait()
        await service.ask("DELETE", f"/api/v1/images/{image_id}")
        go.set()

        with pytest.raises(NotFound):
            await service.shown(image_id)
        other = await service.fetch(f"{here.url}a.jpg")
        await service.told(other)
        assert (await service.shown(other))["image_id"] == other


async def test_an_image_that_jobs_wait_for_is_called_off_by_force_alone(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        image_id = await service.fetch(f"{here.url}a.jpg")
        service.jobs.used.add(image_id)

        with pytest.raises(ImageInUse):
            await service.ask("DELETE", f"/api/v1/images/{image_id}")
        assert (await service.shown(image_id))["status"] == "pending"
        await service.ask("DELETE", f"/api/v1/images/{image_id}?force=1")

        with pytest.raises(NotFound):
            await service.shown(image_id)
        assert service.jobs.asked[-1] == (image_id, True, "owner")


async def test_a_fetch_that_a_killed_process_was_at_is_done_again(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        image_id = await service.fetch(f"{here.url}a.jpg")
        now = service.clock.now
        await service.uploads.database.run(
            lambda each: fetches.take(each, ["dead"], now, now + 90, 4)
        )
        service.clock.now += 91

        loop = asyncio.create_task(service.uploads.fetch())
        told = await service.told(image_id)
        loop.cancel()

    assert told.type == "image.stored"


async def test_many_urls_have_each_their_own_end(service: Fetcher, here: Host) -> None:
    urls = [f"{here.url}a.jpg", "http://10.0.0.1/", {"url": f"{here.url}404", "name": "b"}]

    reply = await service.send(json.dumps({"urls": urls}))

    items = json.loads(reply.body)["items"]
    assert [each["status"] for each in items] == ["pending", "failed", "pending"]
    assert (items[1]["image_id"], items[1]["error"]["code"]) == (None, "url_not_allowed")
    assert (await service.told(items[0]["image_id"])).type == "image.stored"
    assert (await service.told(items[2]["image_id"])).type == "image.failed"


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"url": 1}',
        '{"urls": []}',
        '{"url": "http://a.example/", "urls": ["http://a.example/"]}',
        '{"urls": ["http://a.example/"], "name": "a"}',
        '{"url": "http://a.example/", "webhook_url": "http://a.example/"}',
        json.dumps({"urls": ["http://a.example/"] * 1001}),
        json.dumps({"url": "http://a.example/", "name": "a" * 256}),
    ],
)
async def test_a_request_that_is_none_is_refused(service: Fetcher, body: str) -> None:
    with pytest.raises(InvalidRequest):
        await service.send(body)


async def test_a_url_that_is_never_allowed_is_refused_at_once(service: Fetcher) -> None:
    with pytest.raises(UrlNotAllowed):
        await service.fetch("http://169.254.169.254/latest/")


async def test_a_request_that_is_sent_again_fetches_once(service: Fetcher, here: Host) -> None:
    body = json.dumps({"url": f"{here.url}a.jpg"})

    first = await service.send(body, headers={"idempotency-key": "k"})
    again = await service.send(body, headers={"idempotency-key": "k"})

    assert (again.status, again.body) == (202, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    with pytest.raises(IdempotencyKeyReused):
        await service.send(json.dumps({"url": f"{here.url}b"}), headers={"idempotency-key": "k"})


async def test_an_owner_has_only_so_many_images_on_their_way(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    settings = QUICK.model_copy(update={"max_pending_fetches": 2})
    async with fetching(tmp_path, sandbox, here, settings=settings, loops=0) as service:
        await service.fetch(here.url)
        with pytest.raises(TooMany):
            await service.send(json.dumps({"urls": [here.url] * 2}))
        await service.fetch(here.url)
        await service.fetch(here.url, OTHER)


async def test_another_service_has_images_fetched_and_hears_of_their_fate(
    service: Fetcher, here: Host
) -> None:
    wanted = [
        Promise(
            image_id="i1", owner="owner", url=f"{here.url}a.jpg", key_id="k", stored_bytes=10**6
        ),
        Promise(image_id="i2", owner="owner", url="http://10.0.0.1/"),
        Promise(image_id="i3", owner="owner"),
    ]
    before = await service.process.newest_event()

    first = await service.process.fetch(wanted)
    await service.told("i1")
    await service.told("i2")
    fates = await service.process.fetch([each.model_copy(update={"url": None}) for each in wanted])

    asker = (await service.uploads.promises.find(OWNER, "i1")).asker
    assert (asker.account, asker.key_id, asker.stored_bytes) == ("owner", "k", 10**6)
    assert before == 0
    assert [each.status for each in first][2] == "failed"
    assert [each.status for each in fates] == ["stored", "failed", "failed"]
    assert [each.error.code for each in fates if each.error] == ["source_blocked", "not_found"]


async def test_hosts_and_owners_have_their_turns(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        for number in range(6):
            await service.fetch(f"{here.url}{number}")
        other = await service.fetch(f"{here.url}b".replace("127.0.0.1", "127.0.0.2"), OTHER)
        now = service.clock.now

        def unit(connection: Connection) -> list[list[str]]:
            leases = [str(each) for each in range(8)]
            return [
                [each.owner for each in fetches.take(connection, leases, now, now + 90, 4)]
                for _ in range(2)
            ]

        taken = await service.uploads.database.run(unit)

    assert sorted(taken[0][:2]) == ["other", "owner"]
    assert (len(taken[0]), taken[1]) == (5, [])
    assert other


async def test_a_fetch_at_which_every_process_ended_is_given_up(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        image_id = await service.fetch(f"{here.url}a.jpg")
        await service.uploads.database.run(lambda each: each.execute("UPDATE fetches SET taken=20"))

        loop = asyncio.create_task(service.uploads.fetch())
        told = await service.told(image_id)
        loop.cancel()

    assert (told.code, here.asked) == ("internal", [])


async def test_a_process_that_stops_gives_its_fetches_back(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    asked = asyncio.Event()

    async def waiting(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with host(waiting) as here, fetching(tmp_path, sandbox, here, loops=0) as service:
        loop = asyncio.create_task(service.uploads.fetch())
        image_id = await service.fetch(f"{here.url}a.jpg")
        await asked.wait()
        loop.cancel()
        await asyncio.wait({loop})

        left = await service.uploads.promises.find(OWNER, image_id)

    assert (left.status, left.lease_id, left.taken) == ("pending", None, 1)


async def test_what_became_of_images_is_forgotten_in_time_but_not_where_an_id_leads(
    service: Fetcher, here: Host
) -> None:
    kept = (await service.upload(PICTURE)).image.image_id
    alias = await service.fetch(f"{here.url}a.jpg")
    failed = await service.fetch(f"{here.url}404")
    for each in (alias, failed):
        await service.told(each)
    service.clock.now += 40 * 86_400

    await service.uploads._sweeping.once()

    assert await service.process.events(0, wait_s=0) == []
    assert (await service.shown(alias))["image_id"] == kept
    with pytest.raises(NotFound):
        await service.shown(failed)


async def test_images_that_are_not_there_have_lists_of_their_own(
    tmp_path: Path, sandbox: Sandbox, here: Host
) -> None:
    async with fetching(tmp_path, sandbox, here, loops=0) as service:
        ids = []
        for number in range(3):
            ids.append(await service.fetch(f"{here.url}404?{number}"))
            service.clock.now += 1
        await service.fetch(f"{here.url}a.jpg", OTHER)

        first = await listed(service, "status=pending&limit=2")
        rest = await listed(service, f"status=pending&limit=2&cursor={first['next']}")

    assert [each["image_id"] for each in first["images"] + rest["images"]] == ids[::-1]
    assert (rest["next"], {each["status"] for each in first["images"]}) == (None, {"pending"})


async def test_images_that_did_not_come_are_listed_with_the_reason(
    service: Fetcher, here: Host
) -> None:
    image_id = await service.fetch(f"{here.url}404")
    await service.told(image_id)

    found = (await listed(service, "status=failed"))["images"]

    assert [each["image_id"] for each in found] == [image_id]
    assert found[0]["error"]["code"] == "source_unavailable"
    assert (await listed(service, "status=pending"))["images"] == []
    assert (await listed(service, "status=failed", OTHER))["images"] == []


@pytest.mark.parametrize("more", ["q=sea", "tag=sea", "min_width=1", "sort=name", "order=asc"])
async def test_what_is_not_there_is_found_and_ordered_by_its_status_alone(
    service: Fetcher, more: str
) -> None:
    with pytest.raises(InvalidRequest):
        await listed(service, f"status=pending&{more}")
    with pytest.raises(InvalidRequest):
        await listed(service, "status=failed&cursor=x")


async def listed(service: Fetcher, query: str, owner: Identity = OWNER) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (await service.ask("GET", f"/api/v1/images?{query}", owner)).body
    )
    return found
