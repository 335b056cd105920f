"""Closed by default: who shows no key learns nothing, and secrets stay where they were made."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator

import httpx2
import pytest

from imagemill.processes import PROCESSES
from tests.acceptance import pictures
from tests.acceptance.api import API, problem
from tests.acceptance.system import System, decoders, descendants, eventually, opened_secrets

OPEN = ("/", "/docs", "/openapi.json", "/health/live", "/health/ready")

_BY_TABLE = {path for each in PROCESSES for path in each.opens}
_BELOW = tuple(path for path in _BY_TABLE if path.endswith("/"))
"""What begins like this is open as a whole."""


@pytest.fixture
def stranger(system: System, api: API) -> Iterator[httpx2.Client]:
    """Give a client without a key."""
    with httpx2.Client(base_url=system.url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", OPEN)
def test_these_routes_are_open(stranger: httpx2.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


def test_the_pages_own_files_are_open_and_allow_no_strange_script(stranger: httpx2.Client) -> None:
    page = stranger.get("/")

    files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)

    assert files
    assert {stranger.get(each).status_code for each in files} == {200}
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_every_other_route_wants_a_key(stranger: httpx2.Client) -> None:
    document = stranger.get("/openapi.json").json()
    routes = [
        (method, path, told.get("security") == [])
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        if method != "head"
    ]
    closed = [(method, path) for method, path, is_open in routes if not is_open]

    opened = {path for _, path, is_open in routes if is_open}
    assert {each for each in opened if not each.startswith(_BELOW)} <= _BY_TABLE | set(OPEN)
    assert len(closed) > 15
    for method, path in closed:
        answer = stranger.request(method, re.sub(r"{\w+}", "x", path), content=b"x")
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"]
        if method != "head":
            problem(answer, 401, "unauthenticated")


def test_health_in_detail_wants_a_key(stranger: httpx2.Client, api: API) -> None:
    problem(stranger.get("/health"), 401, "unauthenticated")
    told = api.get("/health").json()

    assert told["status"] == "ok"
    assert {"users", "uploads", "jobs", "worker", "notifier"} <= told["processes"].keys()
    assert told["processes"]["worker"]["sandbox"]


@pytest.mark.parametrize("key", ["", "im_wrong", "x" * 5000, "\xe4\xf6", "' OR 1=1 --"])
@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_wrong_key_opens_nothing(stranger: httpx2.Client, header: str, key: str) -> None:
    shown = f"Bearer {key}" if header == "authorization" else key

    answer = stranger.get(
        "/api/v1/operations", headers={header.encode(): shown.strip().encode("latin-1")}
    )

    problem(answer, 401, "unauthenticated")


def test_the_key_works_as_a_bearer_token_too(stranger: httpx2.Client, system: System) -> None:
    shown = {"authorization": f"Bearer {system.key}"}

    assert stranger.get("/api/v1/operations", headers=shown).status_code == 200


def test_a_stranger_hears_only_one_word_of_health(stranger: httpx2.Client) -> None:
    assert stranger.get("/health/live").text == "live"
    assert stranger.get("/health/ready").text == "ready"


def test_a_strangers_picture_is_not_read(stranger: httpx2.Client, system: System) -> None:
    before = sum(each.is_file() for each in (system.data / "objects").rglob("*"))

    problem(stranger.post("/api/v1/images", content=pictures.jpeg()), 401, "unauthenticated")

    assert sum(each.is_file() for each in (system.data / "objects").rglob("*")) == before


def test_nobody_else_on_the_machine_can_read_what_is_kept(system: System, api: API) -> None:
    api.completed(api.short("flip", pictures.jpeg()))

    kept = [each for each in system.data.rglob("*") if each.is_file()]

    assert {"admin-key", "service-key"} <= {each.name for each in kept}
    assert stat.S_IMODE(system.data.stat().st_mode) == 0o700
    for name in ("admin-key", "service-key"):
        assert stat.S_IMODE((system.data / name).stat().st_mode) == 0o600
    for each in (system.data / "objects").rglob("*"):
        assert each.is_dir() or stat.S_IMODE(each.stat().st_mode) == 0o600


def test_a_decoder_knows_no_secret(system: System, api: API) -> None:
    api.completed(api.short("flip", pictures.jpeg()))
    service_key = (system.data / "service-key").read_text(encoding="utf-8").strip()
    children = eventually(lambda: decoders(system.pid))

    seen = "".join(opened_secrets(pid) for pid in {*children, *descendants(system.pid)})

    assert seen
    for secret in (system.key, service_key, str(system.data), "IMAGEMILL", "HOME="):
        assert secret not in seen


def test_no_key_is_ever_written_to_the_log(system: System, api: API) -> None:
    service_key = (system.data / "service-key").read_text(encoding="utf-8").strip()
    api.get("/api/v1/jobs/none", headers={"authorization": f"Bearer {system.key}"})
    api.get(f"/api/v1/jobs/{system.key}?key={system.key}")

    said = system.said()

    assert system.key not in said
    assert service_key not in said


def test_the_key_is_kept_as_a_digest_only(system: System, api: API) -> None:
    for each in (system.data / "databases").iterdir():
        assert system.key.encode() not in each.read_bytes()
