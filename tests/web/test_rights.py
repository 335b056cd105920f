"""Which scope a route asks for, and which routes strangers may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from imagemill.contracts.identity import HEADER, STRANGER, Identity, Signer
from imagemill.web import Caller, service_app

SIGNER = Signer(b"s" * 32)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = service_app("Test", SIGNER)

    async def answer(caller: Caller) -> dict[str, str]:
        return {"account": caller.account}

    def add(path: str, tag: str, **more: Any) -> None:  # noqa: ANN401 - what a route takes
        app.add_api_route(path, answer, methods=["GET", "POST"], tags=[tag], **more)

    add("/jobs", "jobs")
    add("/everybody", "operators")
    add("/open", "signing in", openapi_extra={"security": []})
    add("/signed", "images", openapi_extra={"security": [{"key": []}, {"signature": []}]})
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def status(client: httpx2.AsyncClient, method: str, path: str, who: Identity) -> int:
    headers = {HEADER: SIGNER.sign(who)}
    return (await client.request(method, path, headers=headers)).status_code


def holding(*scopes: str) -> Identity:
    return Identity(account="a", scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("scope", "method", "expected"),
    [
        ("jobs:read", "GET", 200),
        ("jobs:read", "POST", 403),
        ("jobs:write", "POST", 200),
        ("jobs:write", "GET", 403),
        ("jobs:*", "GET", 200),
        ("images:*", "GET", 403),
    ],
)
async def test_reading_and_writing_are_two_scopes(
    client: httpx2.AsyncClient, scope: str, method: str, expected: int
) -> None:
    assert await status(client, method, "/jobs", holding(scope)) == expected


async def test_what_is_everybodys_asks_for_a_scope_of_its_own(client: httpx2.AsyncClient) -> None:
    assert await status(client, "GET", "/everybody", holding("jobs:*")) == 403
    assert await status(client, "GET", "/everybody", holding("operate")) == 200


@pytest.mark.parametrize(
    ("path", "expected"), [("/jobs", 401), ("/everybody", 401), ("/open", 200), ("/signed", 200)]
)
async def test_strangers_are_let_in_where_the_document_says_so(
    client: httpx2.AsyncClient, path: str, expected: int
) -> None:
    assert await status(client, "GET", path, STRANGER) == expected


async def test_who_shows_a_key_needs_its_scope_where_a_signature_would_do(
    client: httpx2.AsyncClient,
) -> None:
    assert await status(client, "GET", "/signed", holding("jobs:*")) == 403


async def test_nobody_gets_in_without_a_signed_identity(client: httpx2.AsyncClient) -> None:
    for path in ("/jobs", "/open", "/signed"):
        assert (await client.get(path)).status_code == 401
