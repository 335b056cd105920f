"""Files go out: by key, by a signed link for a while, or to everybody, and in parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good, problem
from tests.acceptance.system import System, eventually


@pytest.fixture
def stranger(system: System, api: API) -> Iterator[httpx2.Client]:
    """Give a client without a key."""
    with httpx2.Client(base_url=system.url, trust_env=False) as client:
        yield client


@pytest.fixture
def job(api: API, photo: bytes) -> JSON:
    """Give a job with one small result."""
    return api.completed(api.short("resize", photo, width=16, format="png"))


def linked(api: API, path: str, **wanted: object) -> str:
    """Ask for a link, and give its path and query."""
    link = good(api.post(f"{path}/links", json=wanted))
    parts = urlsplit(link["url"])
    assert link["url"].startswith("http://127.0.0.1")
    return f"{parts.path}?{parts.query}"


def test_a_signed_link_opens_an_original_and_a_result(
    api: API, stranger: httpx2.Client, photo: bytes, job: JSON
) -> None:
    image_id = api.upload(photo)["image_id"]
    url = job["outputs"]["result"]["url"]

    original = stranger.get(linked(api, f"/api/v1/images/{image_id}", expires_in_s=60))
    result = stranger.get(linked(api, url, expires_in_s=60))

    assert (original.status_code, original.content) == (200, photo)
    assert (result.status_code, result.content) == (200, api.result(job))
    for each in (original, result):
        kept_s = int(each.headers["cache-control"].removeprefix("public, max-age="))
        assert 50 <= kept_s <= 60
        assert each.headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_link_holds_no_second_longer_than_it_says(
    api: API, stranger: httpx2.Client, image_id: str
) -> None:
    url = linked(api, f"/api/v1/images/{image_id}", expires_in_s=1)
    until = int(dict(httpx2.URL(url).params)["expires"])

    late = eventually(lambda: stranger.get(url) if time.time() > until else None)

    problem(late, 403, "signature_invalid")


def test_a_signature_opens_one_path_for_reading_alone(
    api: API, stranger: httpx2.Client, photo: bytes, job: JSON
) -> None:
    image = api.upload(photo)
    other = api.upload(pictures.jpeg())
    path, _, query = linked(api, f"/api/v1/images/{image['image_id']}").partition("?")

    assert stranger.head(f"{path}?{query}").status_code == 200
    for wrong in (
        stranger.get(f"{path}?{query}0"),
        stranger.get(f"{path}?{query}&more=1"),
        stranger.get(f"{path}?{query}&expires=9999999999"),
        stranger.get(f"{path}?signature=x"),
        stranger.get(f"{path}?signature=x&key=y&expires=z"),
        stranger.get(f"{other['url']}?{query}"),
        stranger.get(f"{job['outputs']['result']['url']}?{query}"),
        api.get(f"{path}?signature=x"),
    ):
        problem(wrong, 403, "signature_invalid")
    assert stranger.put(f"{path}?{query}", content=b"x").status_code == 405
    assert stranger.delete(f"/api/v1/images/{image['image_id']}?{query}").status_code == 401
    problem(stranger.get(path), 401, "unauthenticated")


def test_links_begin_with_the_public_address_whatever_host_is_asked(
    api: API, image_id: str
) -> None:
    answer = api.post(
        f"/api/v1/images/{image_id}/links",
        json={},
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )

    assert "evil" not in answer.text


@pytest.mark.parametrize("wanted", [{"expires_in_s": 0}, {"expires_in_s": 604801}, {"for": 1}])
def test_a_link_that_cannot_be_made_is_refused(api: API, image_id: str, wanted: JSON) -> None:
    problem(api.post(f"/api/v1/images/{image_id}/links", json=wanted), 422, "invalid_request")


def test_there_is_no_link_to_what_is_not_there(api: API, job: JSON) -> None:
    problem(api.post("/api/v1/images/unknown/links", json={}), 404, "not_found")
    problem(api.post("/api/v1/jobs/unknown/outputs/result/links", json={}), 404, "not_found")
    path = job["outputs"]["result"]["url"].removesuffix("result")
    problem(api.post(f"{path}other/links", json={}), 404, "not_found")


def test_a_link_to_what_was_deleted_leads_nowhere(
    api: API, stranger: httpx2.Client, image_id: str
) -> None:
    url = linked(api, f"/api/v1/images/{image_id}")

    api.delete(f"/api/v1/images/{image_id}")

    problem(stranger.get(url), 404, "not_found")


def test_parts_and_headers_of_files_can_be_had(api: API, photo: bytes, job: JSON) -> None:
    for url in (api.upload(photo)["url"], job["outputs"]["result"]["url"]):
        whole = api.get(url)

        part = api.get(url, headers={"range": "bytes=2-5"})
        beyond = api.get(url, headers={"range": "bytes=9999999-"})
        many = api.get(url, headers={"range": "bytes=" + ",".join(["0-9"] * 1000)})
        head = api.head(url)

        assert (part.status_code, part.content) == (206, whole.content[2:6])
        assert part.headers["content-range"] == f"bytes 2-5/{len(whole.content)}"
        problem(beyond, 416, "range_not_satisfiable")
        assert (many.status_code, many.content) == (200, whole.content)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
        assert head.headers["etag"] == whole.headers["etag"]


def test_another_file_than_is_meant_is_not_given(api: API, image_id: str) -> None:
    answer = api.get(f"/api/v1/images/{image_id}/content", headers={"if-match": '"other"'})

    problem(answer, 412, "precondition_failed")


def test_an_original_is_saved_under_its_own_name_and_true_ending(api: API) -> None:
    name = 'Strand \u202egpj "x"; \U0001f3d6.html'
    image = good(api.post("/api/v1/images", files={"file": (name, pictures.jpeg())}))

    saved_as = api.get(image["url"]).headers["content-disposition"]

    assert saved_as.startswith("attachment; filename=")
    assert saved_as.endswith("%F0%9F%8F%96.html.jpeg")
    assert "%E2%80%AE" not in saved_as


def test_a_public_image_is_anybodys_until_it_is_withdrawn(
    api: API, stranger: httpx2.Client, photo: bytes
) -> None:
    image = api.upload(photo)
    path = f"/api/v1/images/{image['image_id']}"
    public = f"/public/images/{image['image_id']}"
    problem(stranger.get(public), 404, "not_found")

    told = good(api.patch(path, json={"public": True}))
    shown = stranger.get(public)
    head = stranger.head(public)
    part = stranger.get(public, headers={"range": "bytes=0-1"})
    good(api.patch(path, json={"public": False}))

    assert urlsplit(told["public_url"]).path == public
    assert (shown.status_code, shown.content) == (200, photo)
    assert shown.headers["content-disposition"].startswith("inline; ")
    assert shown.headers["cache-control"] == "public, max-age=3600"
    assert "set-cookie" not in shown.headers
    assert (head.status_code, part.status_code) == (200, 206)
    unknown, withdrawn = stranger.get("/public/images/unknown"), stranger.get(public)
    assert problem(withdrawn, 404, "not_found")["detail"] == unknown.json()["detail"]


def test_a_public_result_is_anybodys_under_a_name_of_its_content(
    api: API, stranger: httpx2.Client, photo: bytes, job: JSON
) -> None:
    url = job["outputs"]["result"]["url"]
    again = api.completed(api.short("resize", photo, width=16, format="png", fresh=True))

    told = good(api.patch(url, json={"public": True}))
    same = good(api.patch(again["outputs"]["result"]["url"], json={"public": True}))
    public = urlsplit(told["public_url"]).path
    shown = stranger.get(public)

    assert same == told
    assert (shown.status_code, shown.content) == (200, api.result(job))
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
    assert stranger.head(public).headers["etag"] == shown.headers["etag"]
    good(api.patch(url, json={"public": False}))
    assert stranger.get(public).status_code == 200
    good(api.patch(again["outputs"]["result"]["url"], json={"public": False}))
    problem(stranger.get(public), 404, "not_found")


def test_what_is_made_of_a_public_image_is_not_public_by_itself(
    api: API, stranger: httpx2.Client, photo: bytes, job: JSON
) -> None:
    image_id = job["input"]["image_id"]

    good(api.patch(f"/api/v1/images/{image_id}", json={"public": True}))

    problem(stranger.get(job["outputs"]["result"]["url"]), 401, "unauthenticated")


def test_a_result_is_published_by_its_owner_and_once_it_is_there(api: API, job: JSON) -> None:
    url = job["outputs"]["result"]["url"]

    problem(api.patch(f"{url}x", json={"public": True}), 404, "not_found")
    problem(api.patch(url, json={"public": "perhaps"}), 422, "invalid_request")
    problem(api.patch(url, json={}), 422, "invalid_request")
