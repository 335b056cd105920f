"""People with accounts, through the running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import jwt
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good, problem
from tests.acceptance.system import System, eventually, started

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture(scope="module")
def open_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system in which everybody may make an account."""
    data = tmp_path_factory.mktemp("accounts") / "data"
    settings = {
        "users_registration": "open",
        "gateway_identity_cache_s": "1",
        "public_url": "https://images.example.com",
    }
    with started(data, settings=settings) as running:
        with API(running) as admin:
            eventually(admin.is_ready)
        yield running


@pytest.fixture
def stranger(open_system: System) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=open_system.url, timeout=60, trust_env=False) as client:
        yield client


def logged_in(stranger: httpx2.Client, email: str = EMAIL) -> dict[str, Any]:
    form = {"username": email, "password": PASSWORD}
    return good(stranger.post("/api/v1/auth/login", data=form))


def person(system: System, token: str) -> API:
    client = API(system)
    client.headers = httpx2.Headers({"authorization": f"Bearer {token}"})
    return client


def test_somebody_comes_works_and_goes(open_system: System, stranger: httpx2.Client) -> None:
    account = {"email": EMAIL, "password": PASSWORD}
    assert stranger.post("/api/v1/auth/register", json=account).status_code == 202
    tokens = logged_in(stranger)
    with person(open_system, tokens["access_token"]) as ada:
        uploaded = ada.upload(pictures.jpeg())
        job = ada.completed(ada.short("flip", pictures.jpeg()))
        me = good(ada.get("/api/v1/users/me"))
        body = {"refresh_token": tokens["refresh_token"]}
        fresh = good(stranger.post("/api/v1/auth/refresh", json=body))
        assert ada.post("/api/v1/auth/logout").status_code == 204

        refused = ada.get("/api/v1/users/me")
        refused_by_others = ada.get(f"/api/v1/jobs/{job['job_id']}")

    assert (me["email"], me["role"], me["email_confirmed"]) == (EMAIL, "user", False)
    problem(refused, 401, "unauthenticated")
    problem(refused_by_others, 401, "unauthenticated")
    body = {"refresh_token": fresh["refresh_token"]}
    problem(stranger.post("/api/v1/auth/refresh", json=body), 401, "unauthenticated")

    tokens = logged_in(stranger)
    with person(open_system, tokens["access_token"]) as ada:
        assert good(ada.get(f"/api/v1/images/{uploaded['image_id']}"))
        gone = ada.request("DELETE", "/api/v1/users/me", json={"password": PASSWORD})
        assert gone.status_code == 204
        problem(ada.get("/api/v1/users/me"), 401, "unauthenticated")
    form = {"username": EMAIL, "password": PASSWORD}
    problem(stranger.post("/api/v1/auth/login", data=form), 401, "unauthenticated")
    originals = open_system.data / "objects"
    eventually(
        lambda: not [each for each in originals.rglob("*") if each.is_file()],
        what="the end of all that the account had",
    )


def test_a_token_can_be_checked_by_whoever_has_the_public_keys(
    open_system: System, stranger: httpx2.Client
) -> None:
    account = {"email": "bob@example.com", "password": PASSWORD}
    stranger.post("/api/v1/auth/register", json=account)
    token = logged_in(stranger, "bob@example.com")["access_token"]
    published = stranger.get("/.well-known/jwks.json")

    key = jwt.PyJWKSet.from_dict(good(published))[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="imagemill", issuer="https://images.example.com"
    )

    assert claims["exp"] - claims["iat"] == 900
    assert published.headers["cache-control"] == "public, max-age=300"


def test_roles_are_asked_at_the_gateway_too(open_system: System, stranger: httpx2.Client) -> None:
    account = {"email": "eve@example.com", "password": PASSWORD}
    stranger.post("/api/v1/auth/register", json=account)
    token = logged_in(stranger, "eve@example.com")["access_token"]

    with person(open_system, token) as eve, API(open_system) as admin:
        problem(eve.get("/api/v1/accounts"), 403, "forbidden")
        listed = good(admin.get("/api/v1/accounts"))

    assert "eve@example.com" in {each["email"] for each in listed["accounts"]}
