"""People decide about jobs whose tries are used up: look, replay, discard; one, many, or all."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.system import System, eventually, started

AT = "/api/v1/dead-letters"
SLOW: dict[str, list[JSON]] = {"slow": [{"op": "filter", "type": "median", "size": 15}]}
IN_NO_TIME = {"timeout_s": 1, "max_retries": 0, "fresh": True}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system of its own, for `all` letters are to be decided about."""
    with started(tmp_path_factory.mktemp("letters") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def api(own: System) -> Iterator[API]:
    with API(own) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture(scope="module")
def image_id(api: API) -> str:
    return str(api.upload(pictures.jpeg(3000, 3000))["image_id"])


def dead(api: API, image_id: str, count: int = 1) -> list[str]:
    """Make dead letters, of jobs that need more time than they are given."""
    answers = [api.submit(image_id, SLOW, **IN_NO_TIME) for _ in range(count)]
    ended = [api.ended(each) for each in answers]
    assert {(each["status"], each["error"]["code"]) for each in ended} == {("failed", "timeout")}
    return [each["job_id"] for each in ended]


def listed(api: API, **query: str | int) -> list[str]:
    return [each["id"] for each in good(api.get(AT, params=query))["dead_letters"]]


def cancel(api: API, answer: httpx2.Response) -> None:
    good(api.post(f"/api/v1/jobs/{answer.json()['job_id']}/cancel"))


def test_a_letter_is_listed_shown_and_replayed_once(api: API, image_id: str) -> None:
    (letter,) = dead(api, image_id)

    shown = good(api.get(f"{AT}/{letter}"))
    answer = api.post(f"{AT}/{letter}/replay")
    cancel(api, answer)

    assert (shown["id"], shown["reason"], shown["state"]) == (letter, "timeout", "waiting")
    assert [(each["number"], each["outcome"]) for each in shown["attempts"]] == [(1, "failed")]
    assert shown["attempts"][0]["error"]["code"] == "timeout"
    assert (shown["image"]["width"], shown["image"]["format"]) == (3000, "jpeg")
    assert answer.status_code == 202
    assert api.job(answer.json()["job_id"])["replay_of"] == letter
    for again in (api.post(f"{AT}/{letter}/replay"), api.delete(f"{AT}/{letter}")):
        assert answer.json()["job_id"] in problem(again, 409, "conflict")["detail"]
    assert letter not in listed(api)
    assert letter in listed(api, state="replayed")


def test_a_letter_is_discarded_once_and_its_job_stays_failed(api: API, image_id: str) -> None:
    (letter,) = dead(api, image_id)

    answer = api.delete(f"{AT}/{letter}")

    assert (answer.status_code, answer.content) == (204, b"")
    problem(api.delete(f"{AT}/{letter}"), 409, "conflict")
    problem(api.post(f"{AT}/{letter}/replay"), 409, "conflict")
    assert (letter in listed(api), letter in listed(api, state="discarded")) == (False, True)
    assert api.job(letter)["status"] == "failed"


def test_letters_are_filtered_and_paged(api: API, image_id: str) -> None:
    made = dead(api, image_id, 3)
    at = good(api.get(f"{AT}/{made[0]}"))["at"]

    first = good(api.get(AT, params={"limit": 2}))
    second = good(api.get(AT, params={"limit": 100, "cursor": first["next"]}))

    paged = [each["id"] for each in first["dead_letters"] + second["dead_letters"]]
    assert paged == listed(api, limit=100)
    assert set(made) <= set(paged)
    assert set(made) <= set(listed(api, reason="timeout", operation="pipeline", limit=100))
    assert listed(api, reason="decoder_crashed") == listed(api, operation="resize") == []
    assert made[0] in listed(api, since=at, limit=100)
    assert made[0] not in listed(api, until=at, limit=100)


def test_many_letters_are_decided_about_by_their_ids(api: API, image_id: str) -> None:
    first, second = dead(api, image_id, 2)
    good(api.post(f"{AT}/discard", json={"ids": [first]}))

    told = good(api.post(f"{AT}/discard", json={"ids": [first, second, "nobody", second]}))

    codes = {each["id"]: each["code"] for each in told["decided"]}
    assert codes == {first: "conflict", second: None, "nobody": "not_found"}
    assert told["more"] is False


def test_all_letters_that_fit_are_replayed(api: API, image_id: str) -> None:
    made = dead(api, image_id, 2)
    none = good(api.post(f"{AT}/replay", json={"all": True, "reason": "internal"}))

    told = good(api.post(f"{AT}/replay", json={"all": True, "reason": "timeout"}))

    assert none["decided"] == []
    assert set(made) <= {each["id"] for each in told["decided"]}
    for each in told["decided"]:
        good(api.post(f"/api/v1/jobs/{each['job_id']}/cancel"))
    assert listed(api) == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "ids"),
        ({"all": True, "ids": ["a"]}, "ids"),
        ({"ids": []}, "ids"),
        ({"all": True, "until": "soon"}, "until"),
        ({"all": True, "colour": "red"}, "colour"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_refused_by_name(
    api: API, asked: JSON, field: str
) -> None:
    for what in ("replay", "discard"):
        answer = api.post(f"{AT}/{what}", json=asked)

        assert fields_of(problem(answer, 422, "invalid_request")) == {field}


@pytest.mark.parametrize("query", [{"state": "lost"}, {"limit": 0}, {"since": "x"}, {"page": 2}])
def test_a_list_of_letters_that_cannot_be_meant_is_refused(
    api: API, query: dict[str, str | int]
) -> None:
    answer = api.get(AT, params=query)

    assert fields_of(problem(answer, 422, "invalid_request")) == set(query)


def test_a_letter_that_is_not_there_is_not_found(api: API) -> None:
    for answer in (
        api.get(f"{AT}/nobody"),
        api.post(f"{AT}/nobody/replay"),
        api.delete(f"{AT}/nobody"),
    ):
        problem(answer, 404, "not_found")
