"""Originals are read by their owner, by who has a signed URL in its time, and by nobody else."""

from __future__ import annotations

import hashlib
import json
import uuid
from urllib.parse import urlsplit

import pytest

from imagemill.contracts.facts import Facts, Format
from imagemill.contracts.identity import STRANGER, Identity
from imagemill.contracts.uploads import Image
from imagemill.errors import Forbidden, InvalidRequest, NotFound, SignatureInvalid, Unauthenticated
from imagemill.storage import Bucket
from imagemill.uploads import records
from tests.uploads.forms import stream
from tests.uploads.service import OWNER, Service

BYTES = b"<svg onload='alert(1)'/>" * 100
JSON_BODY = {"content-type": "application/json"}


async def kept(service: Service, kind: Format = Format.PNG, *, is_public: bool = False) -> str:
    """Put an original there; give its id."""
    image_id = str(uuid.uuid4())
    await service.uploads.storage.put(Bucket.ORIGINALS, image_id, stream(BYTES))
    image = Image(
        image_id=image_id,
        owner=OWNER.account,
        storage_key=image_id,
        sha256=hashlib.sha256(BYTES).hexdigest(),
        size_bytes=len(BYTES),
        facts=Facts(format=kind, width=1, height=1),
        created_at=service.clock.now,
    )
    await service.uploads.database.run(lambda each: records.add(each, image))
    if is_public:
        path, body = f"/api/v1/images/{image_id}", stream(b'{"public": true}')
        await service.client.service.call("PATCH", path, body, caller=OWNER, headers=JSON_BODY)
    return image_id


async def linked(service: Service, image_id: str, seconds: int) -> str:
    body = stream(json.dumps({"expires_in_s": seconds}).encode())
    path = f"/api/v1/images/{image_id}/links"
    reply = await service.client.service.call("POST", path, body, caller=OWNER, headers=JSON_BODY)
    url = urlsplit(json.loads(reply.body)["url"])
    assert (url.scheme, url.netloc) == ("http", "images.test")
    return f"{url.path}?{url.query}"


async def test_a_signed_url_opens_until_its_very_end(shelf: Service) -> None:
    url = await linked(shelf, await kept(shelf), 60)

    shelf.clock.now += 59.9
    last = await shelf.ask("GET", url, STRANGER)
    shelf.clock.now += 0.1
    with pytest.raises(SignatureInvalid):
        await shelf.ask("GET", url, STRANGER)
    shelf.clock.now += 600
    with pytest.raises(SignatureInvalid):
        await shelf.ask("GET", url, STRANGER)

    assert (last.status, last.body) == (200, BYTES)
    assert last.headers["cache-control"] == "public, max-age=1"


async def test_a_signature_is_checked_before_anything_is_looked_for(shelf: Service) -> None:
    for path in ("/api/v1/images/unknown/content", f"/api/v1/images/{await kept(shelf)}/content"):
        with pytest.raises(SignatureInvalid):
            await shelf.ask("GET", f"{path}?key=k&expires=9999999999&signature=x", STRANGER)


async def test_who_shows_nothing_reads_nothing(shelf: Service) -> None:
    path = f"/api/v1/images/{await kept(shelf)}/content"

    with pytest.raises(Unauthenticated):
        await shelf.ask("GET", path, STRANGER)
    with pytest.raises(Unauthenticated):
        await shelf.ask("GET", f"{path}?expires=1", STRANGER)
    with pytest.raises(InvalidRequest):
        await shelf.ask("GET", f"{path}?expires=1", OWNER)
    with pytest.raises(NotFound):
        await shelf.ask("GET", path, Identity(account="other", scopes=frozenset({"*"})))


async def test_who_may_only_read_makes_no_links(shelf: Service) -> None:
    reader = Identity(account=OWNER.account, scopes=frozenset({"images:read"}))
    path = f"/api/v1/images/{await kept(shelf)}"

    assert (await shelf.ask("GET", f"{path}/content", reader)).body == BYTES
    with pytest.raises(Forbidden):
        await shelf.ask("POST", f"{path}/links", reader)


async def test_public_bytes_that_a_browser_could_run_are_only_saved(shelf: Service) -> None:
    drawing = await kept(shelf, Format.SVG, is_public=True)

    answer = await shelf.ask("GET", f"/public/images/{drawing}", STRANGER)

    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "image/svg+xml"
