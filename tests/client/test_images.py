"""The client finds images, describes them, and links to what it may read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from imagemill.client import BlockingClient, Client, ImageFilter, ProblemError
from tests.cli.programs import Server, draw

pytestmark = pytest.mark.server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.address, server.key) as opened:
        yield opened


async def kept(client: Client, folder: Path, hue: int) -> str:
    draw(folder / "a.png", (20 + hue, 30), f"hsl({hue}, 60%, 50%)")
    return (await client.upload(folder / "a.png")).image_id


async def test_images_are_found_by_what_is_said_of_them(client: Client, tmp_path: Path) -> None:
    first = await kept(client, tmp_path, 1)
    second = await kept(client, tmp_path, 2)
    await client.images.describe(first, tags=["found", "sea"], metadata={"of": "atlas"})
    image = await client.images.describe(second, tags=["found"], name="Second.png")
    now = datetime.now(UTC)

    async def found(which: ImageFilter, sort: str = "created_at", order: str = "") -> list[str]:
        each = client.images.find(which, sort=sort, order=order)
        return [image.image_id async for image in each]

    assert await found(ImageFilter(tags=["found"])) == [second, first]
    assert await found(ImageFilter(tags=["found"]), "width", "asc") == [first, second]
    assert await found(ImageFilter(tags=("found", "sea"))) == [first]
    assert await found(ImageFilter(metadata={"of": "atlas"})) == [first]
    assert await found(ImageFilter(words="second png")) == [second]
    assert await found(ImageFilter(tags=["found"], since=now + timedelta(hours=1))) == []
    assert await found(ImageFilter(tags=["found"], until=now + timedelta(hours=1), min_width=22))
    assert [each.image_id async for each in client.images.find(limit=1)] == [second]
    assert await client.images.show(second) == image
    await client.images.delete(first)
    assert await found(ImageFilter(tags=["found"])) == [second]


def test_links_and_public_files_need_no_key(server: Server, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (33, 30), "hsl(3, 60%, 50%)")
    with BlockingClient(server.address, server.key) as client:
        image = client.upload(tmp_path / "a.png")
        order = {"small": [{"op": "resize", "width": 8}]}
        job = client.wait(client.submit(image.image_id, order).job_id)
        small = job.outputs["small"]

        links = (client.images.link(image.image_id, expires_in_s=60), client.link(small))
        public = client.publish(small)
        shown = client.images.describe(image.image_id, public=True)
        read = [httpx2.get(url).status_code for url in (links[0].url, links[1].url, public or "")]
        also = httpx2.get(shown.public_url or "").content
        withdrawn = client.publish(small, public=False)
        found = [each.image_id for each in client.images.find(ImageFilter(min_width=33), limit=1)]
        again = client.images.show(image.image_id)
        client.images.delete(image.image_id)
        with pytest.raises(ProblemError):
            client.images.show(image.image_id)

    assert read == [200, 200, 200]
    assert also == (tmp_path / "a.png").read_bytes()
    assert withdrawn is None
    assert (found, again) == ([image.image_id], shown)
