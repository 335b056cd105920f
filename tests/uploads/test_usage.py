"""What keys bring in is counted, bounded, and let go of; and a deletion is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.usage import KeyIntake, month_of
from imagemill.database import Connection, Row
from imagemill.database.migrations import migrations_of
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import ImageInUse, NotFound, QuotaExceeded
from imagemill.uploads.records import usage as records
from tests.acceptance import pictures
from tests.peers.engines import database_at, order_of_writing
from tests.uploads.service import OWNER, Service, running

pytestmark = pytest.mark.slow

PICTURES = [pictures.jpeg(64 + number) for number in range(3)]
KEY = OWNER.model_copy(update={"key_id": "k1", "scopes": frozenset({"images:*"})})
OTHER = KEY.model_copy(update={"key_id": "k2"})


async def usage(service: Service, month: str = "") -> dict[str, KeyIntake]:
    asked = month or month_of(service.clock.now)
    found = await service.client.usage(asked, caller=OWNER)
    return {each.key_id: each for each in found}


def bounded(size_bytes: int, key: Identity = KEY) -> Identity:
    return key.model_copy(update={"stored_bytes": size_bytes})


async def test_what_comes_in_is_counted_once_for_its_key(service: Service) -> None:
    first, second = PICTURES[:2]
    for picture in (first, first, second):
        await service.upload(picture, KEY)
    await service.upload(first, OTHER)

    found = await usage(service)

    size = len(first) + len(second)
    mine = KeyIntake(key_id="k1", images=2, bytes_in=size, stored_images=2, stored_bytes=size)
    assert found == {"k1": mine}


async def test_what_is_deleted_counts_for_its_month_and_is_kept_no_more(service: Service) -> None:
    image = (await service.upload(PICTURES[0], KEY)).image
    await service.ask("DELETE", f"/api/v1/images/{image.image_id}", OTHER)

    found = await usage(service)
    later = await usage(service, "2040-01")

    assert found["k1"].bytes_in == len(PICTURES[0])
    assert (found["k1"].stored_images, found["k1"].stored_bytes) == (0, 0)
    assert later == {}


async def test_a_picture_beyond_the_keys_quota_leaves_nothing(service: Service) -> None:
    key = bounded(len(PICTURES[0]) + 1)
    await service.upload(PICTURES[0], key)

    with pytest.raises(QuotaExceeded) as refusal:
        await service.upload(PICTURES[1], key)

    assert refusal.value.retry_after_s is None
    assert refusal.value.limit == {"max_stored_bytes": len(PICTURES[0]) + 1, "of": "key"}
    assert len(service.objects()) == 1
    assert (await usage(service))["k1"].images == 1


async def test_who_is_full_may_send_again_what_is_kept_and_make_room(service: Service) -> None:
    key = bounded(max(map(len, PICTURES)))
    kept = (await service.upload(PICTURES[0], key)).image

    again = await service.upload(PICTURES[0], key)
    await service.ask("DELETE", f"/api/v1/images/{kept.image_id}", key)
    after = await service.upload(PICTURES[1], key)

    assert (again.is_new, after.is_new) == (False, True)


async def test_another_key_has_room_of_its_own(service: Service) -> None:
    await service.upload(PICTURES[0], KEY)

    taken = await service.upload(PICTURES[1], bounded(len(PICTURES[1]), OTHER))

    assert taken.is_new


async def test_an_account_has_room_for_all_its_keys(tmp_path: Path, sandbox: Sandbox) -> None:
    most = len(PICTURES[0]) + len(PICTURES[1])
    async with running(tmp_path, sandbox, max_stored_bytes_per_owner=most) as service:
        await service.upload(PICTURES[0], KEY)
        await service.upload(PICTURES[1], OTHER)
        with pytest.raises(QuotaExceeded) as refusal:
            await service.upload(PICTURES[2], OWNER)
        other_account = await service.upload(PICTURES[0], Identity(account="another"))

    assert refusal.value.limit == {"max_stored_bytes": most, "of": "account"}
    assert other_account.is_new


async def audit(service: Service) -> list[tuple[str, str, str]]:
    def unit(connection: Connection) -> list[Row]:
        order = order_of_writing(connection)
        return connection.execute(f"SELECT body FROM audit_out ORDER BY at, {order}")  # noqa: S608 - the engine's own column

    rows = await service.uploads.database.read(unit)
    entries = [json.loads(row["body"]) for row in rows]
    return [(each["action"], each["key_id"], each["subject"]) for each in entries]


async def test_a_deletion_is_written_down_once_it_is_done(service: Service) -> None:
    used = (await service.upload(PICTURES[0], KEY)).image.image_id
    service.jobs.used.add(used)
    path = f"/api/v1/images/{used}"
    with pytest.raises(ImageInUse):
        await service.ask("DELETE", path, KEY)
    before = await audit(service)

    await service.ask("DELETE", f"{path}?force=1", KEY)
    with pytest.raises(NotFound):
        await service.ask("DELETE", path, KEY)

    assert before == []
    assert await audit(service) == [("image.deleted", "k1", used)]


async def test_originals_of_an_older_version_count_for_no_key(tmp_path: Path) -> None:
    database = database_at(tmp_path / "images.sqlite")
    migrations = migrations_of("imagemill.uploads")
    await database.migrate([each for each in migrations if each.number < 5])
    old = """
    INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, created_at)
    VALUES ('i', 'owner', 's', 'k', 7, '{}', 1), ('j', 'owner', 't', 'l', 5, '{}', 2)
    """
    await database.run(lambda each: each.execute(old))

    await database.migrate(migrations)
    await database.run(lambda each: records.gone(each, "i"))
    found = await database.read(lambda each: records.listed(each, "owner", "2026-11"))
    await database.close()

    assert found == [KeyIntake(key_id="", stored_images=1, stored_bytes=5)]
