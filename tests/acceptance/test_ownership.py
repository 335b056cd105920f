"""What belongs to somebody else answers on every route exactly as what does not exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import httpx2
import pytest

from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started
from tests.acceptance.things import CHUNK, EVERYBODYS, SMALL, image, made, prefix_of

UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system of its own, for these tests knock at every door of it."""
    with started(tmp_path_factory.mktemp("ownership") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def owner(own: System) -> Iterator[API]:
    with API(own) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture(scope="module")
def other(own: System, owner: API) -> Iterator[API]:
    with client_of(own, "somebody-else") as client:
        yield client


@pytest.fixture(scope="module")
def routes(owner: API) -> list[tuple[str, str]]:
    """List the routes (method, path) that name a thing."""
    paths = good(owner.get("/openapi.json"))["paths"]
    return [
        (method, path)
        for path, methods in paths.items()
        for method in methods
        if "{" in path and not path.startswith(EVERYBODYS) and method != "head"
    ]


@pytest.fixture(scope="module")
def things(owner: API, routes: list[tuple[str, str]]) -> dict[str, JSON]:
    return made(owner, [path for _, path in routes])


def ask(api: API, method: str, path: str, values: Mapping[str, str]) -> httpx2.Response:
    """Ask a route about the thing that `values` name, or about one that is not there."""
    at = re.sub(r"{(\w+)}", lambda found: values.get(found[1], UNKNOWN), path)
    if path.startswith("/api/v1/uploads/tus/"):
        return api.request(method, at, content=b"x", headers=CHUNK)
    body: JSON | None = None if method in {"get", "delete"} else {}
    return api.request(method, at, json=body)


def said(answer: httpx2.Response) -> JSON:
    """Give an answer without what differs from request to request."""
    told: JSON = json.loads(answer.content)
    return {name: value for name, value in told.items() if name not in {"request_id", "instance"}}


def test_every_route_answers_a_foreign_id_like_an_unknown_one(
    other: API, routes: list[tuple[str, str]], things: dict[str, JSON]
) -> None:
    for method, path in routes:
        foreign = ask(other, method, path, things[prefix_of(path)])
        unknown = ask(other, method, path, {})

        assert said(foreign) == said(unknown), (method, path)
        assert foreign.status_code in {404, 422}, (method, path, foreign.text)
        if method in {"get", "delete"}:
            assert foreign.status_code == 404, (method, path, foreign.text)


def test_what_was_knocked_at_is_there_still(
    owner: API, routes: list[tuple[str, str]], things: dict[str, JSON]
) -> None:
    reads = [path for method, path in routes if method == "get" and not path.endswith("events")]

    for path in reads:
        answer = ask(owner, "get", path, things[prefix_of(path)])

        assert answer.status_code == 200, (path, answer.text)


def test_lists_show_nothing_of_others(other: API, things: dict[str, JSON]) -> None:
    mine = {value for each in things.values() for value in each.values()}

    for path in ("jobs", "batches", "dead-letters", "presets"):
        answer = other.get(f"/api/v1/{path}")

        assert answer.status_code == 200, answer.text
        assert not [each for each in mine if each in answer.text], path


@pytest.mark.parametrize("place", ["input", "watermark", "batch item"])
def test_a_foreign_image_cannot_be_worked_on(
    other: API, things: dict[str, JSON], place: str
) -> None:
    own, foreign = image(other)["image_id"], things["/api/v1/images/"]["image_id"]
    route, asked = work_on(place, own, "IMAGE")

    about_foreign, about_unknown = (
        other.post(route, json=json.loads(asked.replace("IMAGE", each)))
        for each in (foreign, UNKNOWN)
    )

    assert about_foreign.status_code == about_unknown.status_code in {404, 422}
    shown, expected = json.dumps(said(about_foreign)), json.dumps(said(about_unknown))
    assert shown.replace(foreign, "IMAGE") == expected.replace(UNKNOWN, "IMAGE")


def work_on(place: str, own: str, asked_for: str) -> tuple[str, str]:
    """Give a route, and a body that names an image at this place."""
    wanted = {"image_id": asked_for}
    mark = {"mark": [{"op": "watermark", "image_id": asked_for}]}
    if place == "batch item":
        return "/api/v1/batches", json.dumps({"items": [{"input": wanted}], "outputs": SMALL})
    if place == "watermark":
        return "/api/v1/jobs", json.dumps({"input": {"image_id": own}, "outputs": mark})
    return "/api/v1/jobs", json.dumps({"input": wanted, "outputs": SMALL})
