"""How settings become parts: where signed URLs of objects begin, and with which key."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from imagemill.assembly.parts import Parts
from imagemill.settings import Settings
from imagemill.storage import Bucket, Wish


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"public_url": "https://images.example.com"}, "https://images.example.com/api/"),
        ({"host": "192.0.2.1", "port": 81}, "http://192.0.2.1:81/api/"),
        ({"host": "::1", "port": 81}, "http://[::1]:81/api/"),
        ({"port": 0}, "/api/"),
    ],
    ids=["public", "host and port", "version 6", "a port that is not known yet"],
)
async def test_urls_of_objects_begin_with_the_address_that_people_reach(
    tmp_path: Path, given: dict[str, str | int], start: str
) -> None:
    async with AsyncExitStack() as opened:
        parts = Parts(Settings.model_validate({"data": tmp_path, **given}), opened)
        signed = await parts.storage.sign(Bucket.ORIGINALS, "ab/c", Wish("PUT", 60))

        url = urlsplit(signed.url)
        parts.url_signer.check("PUT", url.path, parse_qsl(url.query))

    assert signed.url.startswith(start)


async def test_the_key_of_urls_is_made_when_the_first_is_signed(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        parts = Parts(Settings(data=tmp_path), opened)
        await parts.storage.size(Bucket.ORIGINALS, "ab/c")
        before = (tmp_path / "url-keys").exists()

        await parts.storage.sign(Bucket.ORIGINALS, "ab/c", Wish("GET", 60))

    assert not before
    assert (tmp_path / "url-keys").stat().st_mode & 0o777 == 0o600
