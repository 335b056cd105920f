"""A pipeline gets a name, its versions stay, and a job names it instead of steps."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.system import System

SMALL: list[JSON] = [{"op": "resize", "width": 32}, {"op": "convert", "format": "webp"}]
SMALLER: list[JSON] = [{"op": "resize", "width": 16}, {"op": "convert", "format": "webp"}]


@pytest.fixture
def name() -> str:
    """Give a name that no preset has."""
    return f"card-{secrets.token_hex(4)}"


@pytest.fixture
def stranger(system: System, api: API) -> Iterator[API]:
    """Give a client with the key of an account that has nothing yet."""
    with client_of(system, f"stranger-{secrets.token_hex(4)}") as client:
        yield client


def save(api: API, name: str, steps: list[JSON], **more: object) -> httpx2.Response:
    return api.post("/api/v1/presets", json={"name": name, "steps": steps, **more})


def asked(api: API, image_id: str, **outputs: JSON) -> httpx2.Response:
    job = {"input": {"image_id": image_id}, "outputs": outputs}
    return api.post("/api/v1/jobs", json=job)


def test_a_preset_is_made_with_its_place_and_shown(api: API, name: str) -> None:
    answer = save(api, name, SMALL, description="For lists.")

    made = good(answer)
    assert (answer.status_code, made["version"], made["name"]) == (201, 1, name)
    assert answer.headers["location"] == f"/api/v1/presets/{name}?version=1"
    assert made["steps"][0] == {"op": "resize", "width": 32, **made["steps"][0]}
    assert good(api.get(answer.headers["location"])) == made
    assert good(api.get(f"/api/v1/presets/{name}")) == made
    assert made["description"] == "For lists."


def test_other_steps_make_a_version_and_the_same_ones_do_not(api: API, name: str) -> None:
    answers = [save(api, name, steps) for steps in (SMALL, SMALLER, SMALLER)]

    assert [(each.status_code, each.json()["version"]) for each in answers] == [
        (201, 1),
        (201, 2),
        (200, 2),
    ]
    assert answers[2].headers["location"] == f"/api/v1/presets/{name}?version=2"
    assert good(api.get(f"/api/v1/presets/{name}"))["version"] == 2
    first = good(api.get(f"/api/v1/presets/{name}", params={"version": 1}))
    assert first == answers[0].json()


def test_versions_are_listed_page_after_page_the_newest_first(api: API, name: str) -> None:
    for steps in (SMALL, SMALLER, SMALL):
        save(api, name, steps)
    path = f"/api/v1/presets/{name}/versions"

    first = good(api.get(path, params={"limit": 2}))
    rest = good(api.get(path, params={"limit": 2, "cursor": first["next"]}))

    assert [each["version"] for each in first["presets"]] == [3, 2]
    assert ([each["version"] for each in rest["presets"]], rest["next"]) == ([1], None)


def test_presets_are_listed_page_after_page_by_name(stranger: API) -> None:
    for name, steps in (("b", SMALL), ("c", SMALL), ("a", SMALL), ("b", SMALLER)):
        save(stranger, name, steps)

    first = good(stranger.get("/api/v1/presets", params={"limit": 2}))
    rest = good(stranger.get("/api/v1/presets", params={"cursor": first["next"]}))

    assert [(each["name"], each["version"]) for each in first["presets"]] == [("a", 1), ("b", 2)]
    assert ([each["name"] for each in rest["presets"]], rest["next"]) == (["c"], None)


def test_a_removed_preset_is_gone_and_its_numbers_never_come_back(api: API, name: str) -> None:
    save(api, name, SMALL)

    removed = api.delete(f"/api/v1/presets/{name}")

    assert (removed.status_code, removed.content) == (204, b"")
    problem(api.get(f"/api/v1/presets/{name}"), 404, "not_found")
    problem(api.get(f"/api/v1/presets/{name}?version=1"), 404, "not_found")
    problem(api.get(f"/api/v1/presets/{name}/versions"), 404, "not_found")
    problem(api.delete(f"/api/v1/presets/{name}"), 404, "not_found")
    assert save(api, name, SMALL).json()["version"] == 2


def test_a_job_names_a_preset_and_shows_its_steps(api: API, image_id: str, name: str) -> None:
    save(api, name, SMALL)
    save(api, name, SMALLER)

    answer = asked(api, image_id, new={"preset": name}, old={"preset": name, "version": 1})

    job = api.completed(answer)
    assert list(job["outputs"]) == ["new", "old"]
    widths = {output: each["width"] for output, each in job["outputs"].items()}
    assert widths == {"new": 16, "old": 32}
    assert (
        job["outputs"]["old"]["steps"]
        == good(api.get(f"/api/v1/presets/{name}", params={"version": 1}))["steps"]
    )
    assert job["type"] == "pipeline"


def test_a_job_keeps_its_steps_when_the_preset_is_removed(
    api: API, image_id: str, name: str
) -> None:
    save(api, name, SMALL)
    answer = asked(api, image_id, small={"preset": name})

    api.delete(f"/api/v1/presets/{name}")

    assert api.completed(answer)["outputs"]["small"]["width"] == 32


def test_a_preset_is_the_same_work_as_its_steps(api: API, image_id: str, name: str) -> None:
    save(api, name, SMALL)
    api.completed(api.submit(image_id, {"plain": SMALL}))

    answer = asked(api, image_id, named={"preset": name})

    assert answer.json()["cached"] is True


def test_a_preset_works_in_a_form_in_a_query_and_in_a_dry_run(
    api: API, photo: bytes, image_id: str, name: str
) -> None:
    save(api, name, SMALL)
    job = json.dumps({"outputs": {"small": {"preset": name}}})

    form = api.post("/api/v1/jobs", files={"file": ("a.jpg", photo)}, data={"job": job})
    query = api.post("/api/v1/jobs", content=photo, params={"job": job, "dry_run": "1"})
    body = {"input": {"image_id": image_id}, "outputs": {"small": {"preset": name}}}
    dry = api.post("/api/v1/jobs?dry_run=1", json=body)

    assert api.completed(form)["outputs"]["small"]["width"] == 32
    assert good(query)["outputs"]["small"]["width"] == 32
    assert good(dry)["outputs"] == good(query)["outputs"]


def test_a_preset_that_is_not_there_is_refused_by_its_field(
    api: API, image_id: str, name: str
) -> None:
    save(api, name, SMALL)

    unknown = asked(api, image_id, card={"preset": "no-such-preset"})
    late = asked(api, image_id, card={"preset": name, "version": 2})
    odd = asked(api, image_id, card={"preset": name, "colour": "red"})

    assert fields_of(problem(unknown, 422, "invalid_request")) == {"outputs.card.preset"}
    assert fields_of(problem(late, 422, "invalid_request")) == {"outputs.card.version"}
    assert fields_of(problem(odd, 422, "invalid_request")) == {"outputs.card.colour"}


def test_a_preset_of_somebody_else_is_not_there(
    api: API, stranger: API, image_id: str, name: str
) -> None:
    save(stranger, name, SMALL)

    used = asked(api, image_id, card={"preset": name})

    assert fields_of(problem(used, 422, "invalid_request")) == {"outputs.card.preset"}
    problem(api.get(f"/api/v1/presets/{name}"), 404, "not_found")
    problem(api.get(f"/api/v1/presets/{name}/versions"), 404, "not_found")
    problem(api.delete(f"/api/v1/presets/{name}"), 404, "not_found")
    assert save(api, name, SMALLER).json()["version"] == 1
    assert good(stranger.get(f"/api/v1/presets/{name}"))["steps"][0]["width"] == 32


def test_what_is_wrong_with_a_preset_is_named(api: API, name: str) -> None:
    told = problem(
        save(api, "Not a name", [{"op": "resize", "width": -1}], colour="red"),
        422,
        "invalid_request",
    )

    assert fields_of(told) == {"name", "steps.0.width", "colour"}
    problem(api.post("/api/v1/presets", content=b"no json"), 400, "malformed_body")
    problem(api.post("/api/v1/presets", json=[]), 400, "malformed_body")
    large = {"name": name, "steps": [], "description": "x" * 1_000_001}
    assert problem(api.post("/api/v1/presets", json=large), 413, "too_large")["limit"]


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "?colour=red", "colour"),
        ("GET", "?limit=0", "limit"),
        ("GET", "?limit=101", "limit"),
        ("GET", "?cursor=nonsense", "cursor"),
        ("GET", "?cursor=w6Q=", "cursor"),
        ("GET", "?cursor=a", "cursor"),
        ("POST", "?dry_run=1", "dry_run"),
        ("GET", "/card?version=0", "version"),
        ("GET", "/card?version=new", "version"),
        ("GET", "/card?version=99999999999", "version"),
        ("GET", "/card?colour=red", "colour"),
        ("GET", "/card?version=1&version=2", "version"),
        ("GET", "/card/versions?colour=red", "colour"),
        ("GET", "/card/versions?limit=0", "limit"),
        ("GET", "/card/versions?cursor=Y2FyZA==", "cursor"),
        ("GET", "/card/versions?cursor=MDAwMDAwMDAwMDAwMDAwMDAwMDE5OTk5OTk5OQ==", "cursor"),
        ("DELETE", "/card?version=1", "version"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(api: API, method: str, path: str, field: str) -> None:
    answer = api.request(method, f"/api/v1/presets{path}", json={"name": "n", "steps": []})

    assert fields_of(problem(answer, 422, "invalid_request")) == {field}


@pytest.mark.parametrize("odd", ["no-such", "a%00b", "%ff", "x" * 4000, "'; --", "A"])
def test_a_preset_that_is_not_there_is_not_found(api: API, odd: str) -> None:
    problem(api.get(f"/api/v1/presets/{odd}"), 404, "not_found")
    problem(api.get(f"/api/v1/presets/{odd}/versions"), 404, "not_found")
    problem(api.delete(f"/api/v1/presets/{odd}"), 404, "not_found")


def test_a_preset_that_is_sent_twice_under_one_key_has_one_version(api: API, name: str) -> None:
    key = {"idempotency-key": secrets.token_hex(8)}
    body = {"name": name, "steps": SMALL}
    first = api.post("/api/v1/presets", json=body, headers=key)
    save(api, name, SMALLER)

    again = api.post("/api/v1/presets", json=body, headers=key)
    other = api.post("/api/v1/presets", json={"name": name, "steps": SMALLER}, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    problem(other, 422, "idempotency_key_reused")
