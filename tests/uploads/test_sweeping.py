"""What goes by itself: leftovers of cut uploads, old answers, and originals out of date."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagemill.database import Connection
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import NotFound, TooLarge, Unavailable, UnsupportedFormat
from imagemill.idempotency import KEPT_S
from imagemill.uploads import records
from imagemill.uploads.form import RawBody
from imagemill.uploads.records import intakes
from tests.acceptance import pictures
from tests.uploads.forms import file_part, form, stream
from tests.uploads.service import LIMITS, OWNER, Service, running

pytestmark = pytest.mark.slow

HOUR_S = 3600.0
KEEP_S = 86_400.0


@pytest.fixture
async def expiring(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Service]:
    """Give a service that keeps originals for a day."""
    async with running(tmp_path, sandbox, keep_originals_s=KEEP_S) as opened:
        yield opened


async def sweep(service: Service) -> None:
    await service.uploads._sweeping.once()


async def left(service: Service) -> list[str]:
    """List what the ledger holds."""
    return await service.uploads.database.read(lambda each: intakes.left(each, 1e12, 100))


async def is_kept(service: Service, image_id: str) -> bool:
    return image_id in await service.client.find([image_id], caller=OWNER)


async def test_an_upload_leaves_nothing_in_the_ledger_however_it_ends(service: Service) -> None:
    picture = pictures.jpeg()
    await service.upload(picture)
    await service.upload(picture)
    await service.upload_many(form(file_part(pictures.jpeg()), file_part(b"x"), file_part(b"")))

    with pytest.raises(UnsupportedFormat):
        await service.upload(b"no picture")
    with pytest.raises(TooLarge):
        await service.upload(bytes(LIMITS.max_bytes + 1))

    assert await left(service) == []
    assert len(service.objects()) == 2


async def test_what_a_cut_upload_left_is_removed_after_an_hour(service: Service) -> None:
    """A kill between storing and recording leaves just this: an object, and its row."""
    kept = await service.upload(pictures.jpeg())
    await service.uploads._originals.lay(RawBody(stream(pictures.jpeg()), LIMITS.max_bytes))

    service.clock.now += HOUR_S - 1
    await sweep(service)
    assert len(service.objects()) == 2

    service.clock.now += 2
    await sweep(service)
    assert [each.name for each in service.objects()] == [kept.image.image_id]
    assert await left(service) == []


async def test_a_cancelled_upload_is_looked_for_once_more(service: Service) -> None:
    """An object store may take what was sent after it was told to remove it."""
    began = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield pictures.jpeg()
        began.set()
        await asyncio.Event().wait()

    laying = asyncio.create_task(
        service.uploads._originals.lay(RawBody(endless(), LIMITS.max_bytes))
    )
    await began.wait()
    laying.cancel()
    await asyncio.gather(laying, return_exceptions=True)

    assert (len(await left(service)), service.objects()) == (1, set())
    service.clock.now += HOUR_S + 1
    await sweep(service)
    assert await left(service) == []


async def test_a_picture_that_took_too_long_is_not_recorded(service: Service) -> None:
    laid = await service.uploads._originals.lay(RawBody(stream(pictures.jpeg()), LIMITS.max_bytes))
    service.clock.now += HOUR_S

    with pytest.raises(Unavailable, match="too long"):
        await service.uploads._originals.keep(OWNER, laid)

    assert service.objects() == set()


async def test_a_deletion_that_was_cut_is_ended(service: Service) -> None:
    image = (await service.upload(pictures.jpeg())).image
    await service.uploads.database.run(
        lambda each: records.hide(each, OWNER.account, image.image_id, service.clock.now)
    )

    await sweep(service)
    assert len(service.objects()) == 1

    service.clock.now += HOUR_S
    await sweep(service)
    assert service.objects() == set()


async def test_a_deletion_that_was_cut_is_taken_back_when_jobs_use_the_image(
    service: Service,
) -> None:
    image = (await service.upload(pictures.jpeg())).image
    service.jobs.used.add(image.image_id)
    await service.uploads.database.run(
        lambda each: records.hide(each, OWNER.account, image.image_id, service.clock.now)
    )
    service.clock.now += HOUR_S

    await sweep(service)

    assert await is_kept(service, image.image_id)


async def test_a_deletion_that_was_cut_after_the_row_leaves_no_bytes(service: Service) -> None:
    image = (await service.upload(pictures.jpeg())).image

    def forgotten(connection: Connection) -> None:
        service.uploads._removal._forget(connection, image)

    await service.uploads.database.run(forgotten)
    service.clock.now += HOUR_S + 1

    await sweep(service)

    assert service.objects() == set()


async def test_originals_are_kept_for_ever_unless_told_otherwise(service: Service) -> None:
    image = (await service.upload(pictures.jpeg())).image
    service.clock.now += 100 * 365 * KEEP_S

    await sweep(service)

    assert await is_kept(service, image.image_id)


async def test_an_original_goes_when_its_time_is_over(expiring: Service) -> None:
    old = (await expiring.upload(pictures.jpeg())).image
    expiring.clock.now += KEEP_S / 2
    new = (await expiring.upload(pictures.jpeg())).image
    expiring.clock.now += KEEP_S / 2

    await sweep(expiring)

    assert not await is_kept(expiring, old.image_id)
    assert await is_kept(expiring, new.image_id)
    assert [each.name for each in expiring.objects()] == [new.image_id]
    with pytest.raises(NotFound):
        await expiring.ask("GET", f"/api/v1/images/{old.image_id}")


async def test_an_original_whose_bytes_came_again_is_kept_longer(expiring: Service) -> None:
    picture = pictures.jpeg()
    image = (await expiring.upload(picture)).image
    expiring.clock.now += KEEP_S - 1
    again = await expiring.upload(picture)
    expiring.clock.now += KEEP_S - 1

    await sweep(expiring)
    assert not again.is_new
    assert await is_kept(expiring, image.image_id)

    expiring.clock.now += 1
    await sweep(expiring)
    assert not await is_kept(expiring, image.image_id)


async def test_an_original_waits_for_the_jobs_that_use_it_and_is_seen_meanwhile(
    expiring: Service,
) -> None:
    used = (await expiring.upload(pictures.jpeg())).image
    free = (await expiring.upload(pictures.jpeg())).image
    expiring.jobs.used.add(used.image_id)
    expiring.clock.now += KEEP_S
    seen: list[bool] = []

    async def meanwhile() -> None:
        seen.append(await is_kept(expiring, used.image_id))

    expiring.jobs.meanwhile = meanwhile
    await sweep(expiring)

    assert set(seen) == {True}
    assert await is_kept(expiring, used.image_id)
    assert not await is_kept(expiring, free.image_id)
    assert {force for _, force, _ in expiring.jobs.asked} == {False}

    expiring.jobs.used.clear()
    await sweep(expiring)
    assert expiring.objects() == set()


async def test_no_original_goes_while_the_jobs_service_cannot_be_asked(expiring: Service) -> None:
    image = (await expiring.upload(pictures.jpeg())).image
    expiring.jobs.is_down = True
    expiring.clock.now += KEEP_S

    with pytest.raises(Unavailable):
        await sweep(expiring)

    assert await is_kept(expiring, image.image_id)


async def test_many_originals_out_of_date_go_at_one_look(
    expiring: Service, sandbox: Sandbox
) -> None:
    taken = await expiring.upload_many(form(*(file_part(pictures.png(9, 9)) for _ in range(120))))
    expiring.jobs.used |= {each.image.image_id for each in taken.items[:105] if each.image}
    expiring.clock.now += KEEP_S

    await sweep(expiring)

    assert len(expiring.objects()) == 105


async def test_old_answers_are_forgotten(service: Service) -> None:
    key = str(uuid.uuid4())
    picture = pictures.jpeg()

    async def post() -> tuple[int, str | None]:
        reply = await service.client.service.call(
            "POST",
            "/api/v1/images",
            stream(picture),
            caller=OWNER,
            headers={"idempotency-key": key},
        )
        return reply.status, reply.headers.get("idempotency-replayed")

    answers = [await post(), await post()]
    service.clock.now += KEPT_S
    await sweep(service)
    answers.append(await post())

    assert answers == [(201, None), (201, "true"), (200, None)]


async def test_the_loop_goes_on_after_a_look_that_failed(expiring: Service) -> None:
    image = (await expiring.upload(pictures.jpeg())).image
    expiring.clock.now += KEEP_S
    expiring.jobs.is_down = True
    settings = expiring.uploads.settings.model_copy(update={"sweep_every_s": 0.01})
    looping = replace(expiring.uploads, settings=settings)

    failed = asyncio.Event()

    async def meanwhile() -> None:
        if len(expiring.jobs.asked) == 2:
            failed.set()

    expiring.jobs.meanwhile = meanwhile
    loop = asyncio.create_task(looping.sweep())
    async with asyncio.timeout(20):
        await failed.wait()
        expiring.jobs.is_down = False
        while expiring.objects():
            await left(expiring)
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop

    assert not await is_kept(expiring, image.image_id)
