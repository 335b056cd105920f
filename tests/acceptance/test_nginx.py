"""The nginx of the documentation in front: the second reader is served from its cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good, problem
from tests.acceptance.nginx import configuration, nginx
from tests.acceptance.system import System, eventually, started
from tests.peers.ports import free_port
from tests.peers.programs import program


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, str]]:
    """Give a system that has nginx in front, and the address of nginx."""
    program("nginx")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    address = f"http://127.0.0.1:{port}"
    with started(folder / "data", settings={"public_url": address}) as system:
        places = {
            "/var/cache/nginx/imagemill": str(folder / "cache"),
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{system.port};",
            "listen 80;": f"listen 127.0.0.1:{port};",
        }
        with nginx(folder, configuration("cdn", folder, places)):
            yield system, address


@pytest.fixture
def api(front: tuple[System, str]) -> Iterator[API]:
    with API(front[0]) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture
def reader(front: tuple[System, str]) -> Iterator[httpx2.Client]:
    """Give a client without a key that goes through nginx."""
    with httpx2.Client(base_url=front[1], trust_env=False) as client:
        yield client


@pytest.fixture
def job(api: API) -> JSON:
    return api.completed(api.short("resize", pictures.jpeg(), width=16, format="png"))


def test_the_second_reading_of_a_public_file_is_a_hit(
    api: API, reader: httpx2.Client, job: JSON
) -> None:
    url = job["outputs"]["result"]["url"]
    public = good(api.patch(url, json={"public": True}))["public_url"]

    first, second = reader.get(public), reader.get(public)
    part = reader.get(public, headers={"range": "bytes=2-5"})
    head = reader.head(public)
    known = reader.get(public, headers={"if-none-match": first.headers["etag"]})

    assert [each.headers["x-cache"] for each in (first, second, part, head)] == [
        "MISS",
        *["HIT"] * 3,
    ]
    assert first.content == second.content == api.result(job)
    assert (part.status_code, part.content) == (206, first.content[2:6])
    assert (head.status_code, head.headers["etag"]) == (200, first.headers["etag"])
    assert known.status_code == 304


def test_a_signed_url_is_kept_for_itself_alone_and_no_longer_than_it_holds(
    api: API, reader: httpx2.Client
) -> None:
    image = api.upload(pictures.jpeg())
    path = f"/api/v1/images/{image['image_id']}/links"
    url = good(api.post(path, json={"expires_in_s": 2}))["url"]
    until = int(dict(httpx2.URL(url).params)["expires"])

    first, second = reader.get(url), reader.get(url)

    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    problem(reader.get(url[:-1] + ("A" if url[-1] != "A" else "B")), 403, "signature_invalid")
    problem(reader.get(urlsplit(url).path), 401, "unauthenticated")
    late = eventually(lambda: reader.get(url) if time.time() > until + 1 else None)
    problem(late, 403, "signature_invalid")


def test_an_answer_to_a_key_is_never_kept(
    front: tuple[System, str], api: API, reader: httpx2.Client, job: JSON
) -> None:
    url = job["outputs"]["result"]["url"]
    mine = {"x-api-key": front[0].key}

    read = [reader.get(url, headers=mine) for _ in range(2)]
    listed = [reader.get("/api/v1/images", headers=mine) for _ in range(2)]
    stranger = reader.get(url)

    assert {each.headers["x-cache"] for each in (*read, *listed)} == {"BYPASS"}
    assert [each.status_code for each in (*read, *listed)] == [200] * 4
    problem(stranger, 401, "unauthenticated")
    signed = good(api.post(f"{url}/links", json={}))["url"]
    assert reader.get(signed, headers=mine).headers["x-cache"] == "BYPASS"
    assert reader.get(signed).headers["x-cache"] == "MISS"


def test_a_file_that_is_not_public_is_not_kept_as_such(api: API, reader: httpx2.Client) -> None:
    image = api.upload(pictures.jpeg())
    public = f"/public/images/{image['image_id']}"

    before = reader.get(public)
    good(api.patch(f"/api/v1/images/{image['image_id']}", json={"public": True}))
    after = reader.get(public)

    assert (before.status_code, after.status_code) == (404, 200)
    assert after.headers["content-disposition"].startswith("inline; ")
