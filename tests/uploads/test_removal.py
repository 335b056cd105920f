"""Images are deleted when no job needs them, and stay whole when one does."""

from __future__ import annotations

import pytest

from imagemill.contracts.identity import Identity
from imagemill.errors import ImageInUse, InvalidRequest, NotFound, Unavailable
from tests.acceptance import pictures
from tests.uploads.service import OWNER, Service

pytestmark = pytest.mark.slow

OTHER = Identity(account="other", scopes=frozenset({"*"}))


@pytest.fixture
def picture() -> bytes:
    return pictures.jpeg()


@pytest.fixture
async def path(service: Service, picture: bytes) -> str:
    """Give the path of an image that is kept."""
    return f"/api/v1/images/{(await service.upload(picture)).image.image_id}"


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


async def test_a_deleted_image_is_gone_with_its_bytes(service: Service, path: str) -> None:
    reply = await service.ask("DELETE", path)

    assert (reply.status, reply.body) == (204, b"")
    assert service.objects() == set()
    assert service.jobs.asked == [(id_of(path), False, "owner")]
    for method, gone in (("GET", path), ("GET", f"{path}/content"), ("DELETE", path)):
        with pytest.raises(NotFound):
            await service.ask(method, gone)


async def test_the_same_bytes_may_come_again(service: Service, path: str, picture: bytes) -> None:
    await service.ask("DELETE", path)

    intake = await service.upload(picture)

    assert intake.is_new
    assert intake.image.image_id != id_of(path)


async def test_an_image_that_is_unknown_or_foreign_is_not_found(
    service: Service, path: str
) -> None:
    for wrong, owner in ((f"{path}x", OWNER), (path, OTHER)):
        with pytest.raises(NotFound):
            await service.ask("DELETE", wrong, owner)

    assert service.jobs.asked == []
    assert (await service.ask("GET", path)).status == 200


async def test_an_image_in_use_stays_as_it_was(service: Service, path: str, picture: bytes) -> None:
    service.jobs.used.add(id_of(path))
    before = await service.ask("GET", path)

    with pytest.raises(ImageInUse):
        await service.ask("DELETE", path)

    assert (await service.ask("GET", path)).body == before.body
    assert (await service.ask("GET", f"{path}/content")).body == picture
    assert not (await service.upload(picture)).is_new


async def test_force_takes_an_image_from_its_jobs(service: Service, path: str) -> None:
    service.jobs.used.add(id_of(path))

    reply = await service.ask("DELETE", f"{path}?force=1")

    assert reply.status == 204
    assert service.jobs.asked == [(id_of(path), True, "owner")]
    assert service.objects() == set()


async def test_an_image_stays_when_the_jobs_service_cannot_be_asked(
    service: Service, path: str
) -> None:
    service.jobs.is_down = True

    with pytest.raises(Unavailable):
        await service.ask("DELETE", f"{path}?force=1")

    assert (await service.ask("GET", path)).status == 200


async def test_nobody_takes_up_an_image_that_is_being_deleted(
    service: Service, path: str, picture: bytes
) -> None:
    async def meanwhile() -> None:
        assert await service.client.find([id_of(path)], caller=OWNER) == {}
        for method in ("GET", "DELETE"):
            with pytest.raises(NotFound):
                await service.ask(method, path)
        with pytest.raises(Unavailable) as refusal:
            await service.upload(picture)
        refusals.append(refusal.value.retry_after_s)

    refusals: list[int | None] = []
    service.jobs.meanwhile = meanwhile

    await service.ask("DELETE", path)

    assert refusals == [1]
    assert service.objects() == set()


@pytest.mark.parametrize(
    ("query", "field"),
    [("force=perhaps", "force"), ("forse=1", "forse"), ("force=1&force=0", "force")],
)
async def test_a_query_that_is_wrong_is_refused_by_name(
    service: Service, path: str, query: str, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await service.ask("DELETE", f"{path}?{query}")

    assert [each.field for each in refusal.value.errors] == [field]
    assert (await service.ask("GET", path)).status == 200
