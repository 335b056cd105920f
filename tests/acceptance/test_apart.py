"""The six processes, each by itself: the same way through, over HTTP between them."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from imagemill.contracts.identity import HEADER, STRANGER, Identity, Signer
from imagemill.contracts.keyed import is_keyed
from imagemill.contracts.scopes import SCOPES
from imagemill.contracts.transport import SERVICE
from imagemill.processes import BY_NAME, NAMES
from tests.acceptance import pictures, raw
from tests.acceptance.api import API, JSON, good, problem
from tests.acceptance.damage import file_of, flip
from tests.acceptance.system import (
    PROGRAM,
    System,
    eventually,
    opened_sockets,
    started,
    still,
    surroundings,
)
from tests.peers.ports import free_port

pytestmark = pytest.mark.timeout(120)

Services = Mapping[str, System]
OWNERS = {prefix: each.name for each in BY_NAME.values() for prefix in each.answers}
"""Which service answers below which prefix."""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Give all six, running; the gateway was up first and had to wait for the jobs service."""
    data = tmp_path_factory.mktemp("apart") / "data"
    with contextlib.ExitStack() as opened:
        run = opened.enter_context
        peers = {"peers_jobs": f"http://127.0.0.1:{(port := free_port())}"}
        users = run(started(data, "users"))
        peers |= {"peers_users": users.url}
        uploads = run(started(data, "uploads", settings=peers))
        peers |= {"peers_uploads": uploads.url}
        gateway = run(started(data, "gateway", settings=peers))
        with API(gateway) as api:
            assert api.get("/health/live").text == "live"
            assert api.get("/health/ready").status_code == 503
            jobs = run(started(data, "jobs", port=port, settings=peers))
            eventually(api.is_ready)
        worker = run(started(data, "worker", settings=peers))
        notifier = run(started(data, "notifier", settings=peers))
        found = (gateway, users, uploads, jobs, worker, notifier)
        yield dict(zip(NAMES, found, strict=True))


@pytest.fixture
def api(services: Services) -> Iterator[API]:
    with API(services["gateway"]) as client:
        yield client


def test_a_picture_goes_in_and_results_come_out(api: API) -> None:
    picture = pictures.jpeg()

    first = api.post("/api/v1/images", content=picture)
    again = api.post("/api/v1/images", files={"file": ("a.jpg", picture)})
    job = api.completed(api.submit(first.json()["image_id"], {"a": [{"op": "flip"}]}))
    repeat = api.submit(first.json()["image_id"], {"a": [{"op": "flip"}]})

    assert (first.status_code, again.status_code) == (201, 200)
    assert pictures.opened(api.result(job, "a")).size == (64, 48)
    assert api.get(first.json()["url"]).content == picture
    assert repeat.json()["cached"] is True


def test_bytes_that_came_before_a_cut_are_kept_through_the_gateway_too(
    api: API, services: Services
) -> None:
    tus = {"tus-resumable": "1.0.0"}
    begun = api.post("/api/v1/uploads/tus", headers={**tus, "upload-length": "1000000"})
    path = begun.headers["location"]
    kind = "application/offset+octet-stream"
    more = ("tus-resumable: 1.0.0", "upload-offset: 0", "content-length: 1000000")
    head = raw.head(services["gateway"], "PATCH", path, f"content-type: {kind}", *more)

    raw.sent(services["gateway"], head, b"x" * 600_000, hang_up=True)
    kept = eventually(lambda: int(api.head(path, headers=tus).headers["upload-offset"]))

    assert 0 < kept <= 600_000


def test_the_notifier_hears_what_happened_to_every_job(api: API, services: Services) -> None:
    job = api.completed(api.short("flip", pictures.png(), fresh=True))
    told = api.get(f"/api/v1/jobs/{job['job_id']}/events").text
    last = max(int(each) for each in re.findall(r"^id: (\d+)$", told, re.MULTILINE))
    path = services["notifier"].data / "databases/notifications.sqlite"

    with contextlib.closing(sqlite3.connect(path)) as notifications:
        heard = "SELECT after FROM places WHERE log = 'jobs'"
        eventually(lambda: notifications.execute(heard).fetchone()[0] >= last)


def test_streams_that_their_readers_left_end_at_the_jobs_service_too(
    api: API, services: Services
) -> None:
    gateway, jobs = services["gateway"], services["jobs"]
    with still(services["worker"]):
        job_id = good(api.short("flip", pictures.png(), fresh=True))["job_id"]
        head = raw.head(gateway, "GET", f"/api/v1/jobs/{job_id}/events")

        with contextlib.ExitStack() as readers:
            for _ in range(30):
                readers.enter_context(raw.begun(gateway, head))
            eventually(lambda: opened_sockets(jobs.pid) >= 30, what="30 streams")

        # The gateway keeps some connections for a few seconds, for what is asked next.
        eventually(lambda: opened_sockets(jobs.pid) <= 20, what="the end of the streams")
        assert api.job(job_id)["status"] == "queued"


def test_a_broken_original_is_told_or_ends_short_through_the_gateway_too(
    api: API, services: Services
) -> None:
    small, large = pictures.jpeg(), pictures.large()
    urls = [api.upload(each)["url"] for each in (small, large)]

    for each in (small, large):
        flip(file_of(services["uploads"], each), len(each) // 2)

    problem(api.get(urls[0]), 502, "integrity")
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get(urls[1])


def test_short_forms_work(api: API) -> None:
    form = api.short("resize", pictures.jpeg(), width=20, format="webp")
    bare = api.post("/api/v1/flip", content=pictures.png())

    assert api.completed(form)["result"]["format"] == "webp"
    assert api.completed(bare)["result"]["format"] == "png"


def test_the_documents_of_all_services_are_one(api: API) -> None:
    paths = api.get("/openapi.json").json()["paths"]

    assert {"/api/v1/images", "/api/v1/jobs", "/api/v1/resize"} <= paths.keys()


def test_problems_come_through_as_they_were(api: API) -> None:
    problem(api.post("/api/v1/images", content=b"no picture"), 415, "unsupported_format")
    problem(api.post("/api/v1/resize?widht=5", content=b"x"), 422, "invalid_request")
    problem(api.get("/api/v1/jobs/none"), 404, "not_found")
    problem(api.put("/api/v1/jobs"), 405, "method_not_allowed")
    problem(api.post("/api/v1/jobs", json={"outputs": {}}), 422, "invalid_request")


def test_too_many_bytes_are_refused_through_the_gateway_too(api: API, services: Services) -> None:
    streamed = api.post("/api/v1/images", content=(bytes(1_000_000) for _ in range(60)))
    announced = api.post("/api/v1/images", content=bytes(60_000_000))

    problem(streamed, 413, "too_large")
    problem(announced, 413, "too_large")


def test_half_a_picture_is_not_kept_when_its_sender_leaves(api: API, services: Services) -> None:
    objects = services["uploads"].data / "objects/originals"
    before = {each for each in objects.rglob("*") if each.is_file()}
    head = raw.head(services["gateway"], "POST", "/api/v1/images", "transfer-encoding: chunked")
    picture = pictures.png()

    raw.sent(services["gateway"], head, b"%x\r\n" % len(picture), picture, b"\r\n", hang_up=True)

    eventually(lambda: api.get("/health/ready").text == "ready")
    problem(api.post("/api/v1/images", content=b"next"), 415, "unsupported_format")
    assert {each for each in objects.rglob("*") if each.is_file()} == before


def test_services_that_share_a_process_are_all_reached_at_its_address(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        run = opened.enter_context
        users = run(started(tmp_path / "data", "users"))
        peers = {"peers_users": users.url}
        both = run(started(tmp_path / "data", "uploads", "jobs", settings=peers))
        peers |= {"peers_uploads": both.url, "peers_jobs": both.url}
        run(started(tmp_path / "data", "worker", settings=peers))
        api = run(API(run(started(tmp_path / "data", "gateway", settings=peers))))
        eventually(api.is_ready)

        answer = api.short("resize", pictures.jpeg(), width=20)

        told = api.get("/health").json()["processes"]
        paths = api.get("/openapi.json").json()["paths"]
        assert api.completed(answer)["result"]["width"] == 20
        assert ("sandbox" in told["uploads"], "waiting" in told["jobs"]) == (True, True)
        assert {"/api/v1/images", "/api/v1/jobs"} <= paths.keys()


@pytest.mark.parametrize("name", ["users", "uploads", "jobs", "worker", "notifier"])
def test_a_service_talks_to_nobody_who_is_not_signed(services: Services, name: str) -> None:
    with httpx2.Client(base_url=services[name].url, trust_env=False) as stranger:
        for path in ("/internal/health", "/internal/openapi.json"):
            own_key = {"x-api-key": services["gateway"].key}
            problem(stranger.get(path, headers=own_key), 401, "unauthenticated")
        assert stranger.get("/health/live").status_code == 200


def test_a_service_takes_no_identity_that_is_not_signed_with_its_secret(
    services: Services,
) -> None:
    forged = Signer(b"x" * 32).sign(Identity(account="admin", scopes=frozenset({"service"})))

    with httpx2.Client(base_url=services["jobs"].url, trust_env=False) as stranger:
        for token in (forged, "", "x.y.z", f"{forged}a"):
            answer = stranger.get("/api/v1/operations", headers={HEADER: token})
            problem(answer, 401, "unauthenticated")


def routes(api: API) -> list[tuple[str, str, JSON]]:
    """List method, path and description of every route that a service answers."""
    paths = api.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation)
        for path, item in paths.items()
        for method, operation in item.items()
        # An answer to HEAD says nothing; the rights are those of GET beside it.
        if path.startswith(tuple(OWNERS)) and method != "head"
    ]


Ask = Callable[[str, str, str], httpx2.Response]
"""Asks with a method, a path and an identity."""


@pytest.fixture
def directly(services: Services) -> Iterator[Ask]:
    """Give a way to ask services at their own addresses, with something in each gap of a path."""

    def ask(method: str, path: str, token: str) -> httpx2.Response:
        owner = max(OWNERS, key=lambda each: len(each) if path.startswith(each) else 0)
        url = services[OWNERS[owner]].url + re.sub(r"{\w+}", "x", path)
        return client.request(method, url, headers={HEADER: token})

    with httpx2.Client(trust_env=False) as client:
        yield ask


def may_be_strange(operation: JSON) -> bool:
    """Tell whether a route lets strangers in, or decides by itself."""
    security = operation.get("security")
    if security is None:
        return False
    return not security or any(not each or "signature" in each for each in security)


def is_below(path: str, opened: str) -> bool:
    return path == opened or (opened.endswith("/") and path.startswith(opened))


def signer_of(services: Services) -> Signer:
    return Signer((services["jobs"].data / "service-key").read_bytes().strip())


@pytest.mark.parametrize("shown", ["nothing", "forged", "a stranger"])
def test_every_closed_route_refuses_who_is_not_signed(
    api: API, services: Services, directly: Ask, shown: str
) -> None:
    everybody = Identity(account="a", scopes=frozenset({"*"}))
    token = {
        "nothing": "",
        "forged": Signer(b"x" * 32).sign(everybody),
        "a stranger": signer_of(services).sign(STRANGER),
    }[shown]
    closed = [each for each in routes(api) if not may_be_strange(each[2])]

    assert len(closed) > 25
    for method, path, _ in closed:
        problem(directly(method, path, token), 401, "unauthenticated")


def test_every_closed_route_names_the_scope_that_a_key_lacks(
    api: API, services: Services, directly: Ask
) -> None:
    token = signer_of(services).sign(Identity(account="a", key_id="k"))
    closed = [each for each in routes(api) if each[2].get("security") != []]

    for method, path, operation in closed:
        told = problem(directly(method, path, token), 403, "forbidden")["detail"]
        named = re.findall(r"the scope (\S+),", told)
        assert named, (path, told)
        assert named[0] in SCOPES
        if ":" in named[0]:
            wanted = "read" if method in {"GET", "HEAD"} else "write"
            assert named[0].endswith(wanted), (method, path, operation["tags"])


def test_what_the_gateway_opens_is_what_the_routes_say_is_open(api: API) -> None:
    said = {path for _, path, each in routes(api) if each.get("security") == []}
    opened = {path for each in BY_NAME.values() for path in each.opens}

    unopened = [each for each in said if not any(is_below(each, path) for path in opened)]
    unsaid = [path for path in opened if not any(is_below(each, path) for each in said)]

    assert (unopened, unsaid) == ([], [])


def test_what_is_sent_again_with_a_key_is_what_the_routes_say_heeds_one(api: API) -> None:
    said = {
        (method, path)
        for method, path, each in routes(api)
        if any(one.get("name") == "Idempotency-Key" for one in each.get("parameters", ()))
    }

    known = {(method, path) for method, path, _ in routes(api) if is_keyed(method, path)}

    assert len(said) > 20
    assert known == said


def test_a_client_cannot_name_the_service_that_answers(api: API) -> None:
    answer = api.get("/api/v1/operations", headers={SERVICE: "users"})

    assert answer.status_code == 200


def test_the_gateway_drops_what_a_client_says_of_itself(api: API, services: Services) -> None:
    secret = (services["jobs"].data / "service-key").read_bytes().strip()
    other = Signer(secret).sign(Identity(account="other", scopes=frozenset({"service"})))
    image = api.upload(pictures.jpeg())

    answer = api.get(f"/api/v1/images/{image['image_id']}", headers={HEADER: other})
    without_key = httpx2.get(
        f"{services['gateway'].url}/api/v1/operations", headers={HEADER: other}, trust_env=False
    )

    assert answer.json() == image
    problem(without_key, 401, "unauthenticated")


@pytest.mark.parametrize(
    "target",
    [
        "/internal/health",
        "/internal/openapi.json",
        "/api/v1/../../internal/openapi.json",
        "/api/v1/images/../../../internal/health",
        "/api/v1/images/x/../../../../internal/openapi.json",
        "/api/v1/%2e%2e/%2e%2e/internal/health",
        "/api/v1//internal/health",
        "/api/v1/./jobs/../../../internal/openapi.json",
    ],
)
def test_nothing_internal_is_reached_through_the_gateway(
    api: API, services: Services, target: str
) -> None:
    answer = raw.sent(services["gateway"], raw.head(services["gateway"], "GET", target))

    assert raw.status_of(answer) == 404


@pytest.mark.parametrize("target", ["/api/v1/images/\xff", "/api/v1/operations?a=\xff"])
def test_odd_bytes_are_no_server_error(api: API, services: Services, target: str) -> None:
    answer = raw.sent(services["gateway"], raw.head(services["gateway"], "GET", target))

    assert raw.status_of(answer) in {0, 200, 400, 404, 422}


def test_one_id_follows_a_request_through_all_processes(api: API) -> None:
    answer = api.short("flip", pictures.jpeg())

    given = api.get("/api/v1/jobs/none", headers={"x-request-id": "mine-1"})
    made = api.get("/api/v1/jobs/none")

    assert given.json()["request_id"] == given.headers["x-correlation-id"] == "mine-1"
    assert made.json()["request_id"] == made.headers["x-correlation-id"]
    api.completed(answer)


def test_no_address_of_a_service_is_told(api: API, services: Services) -> None:
    inside = [str(services[name].port) for name in ("users", "uploads", "jobs")]

    for path in ("/api/v1/images/", "/api/v1/jobs/", "/health", "/openapi.json"):
        answer = api.get(path)
        told = answer.text + str(answer.headers)
        assert not [port for port in inside if f":{port}" in told]


@pytest.mark.parametrize(
    ("name", "peer"),
    [("gateway", "users"), ("uploads", "jobs"), ("jobs", "uploads"), ("worker", "jobs")],
)
def test_a_process_without_a_peer_names_it_and_does_not_start(
    tmp_path: Path, name: str, peer: str
) -> None:
    command = [str(PROGRAM), "serve", name, "--port", "0", "--data", str(tmp_path)]

    ended = subprocess.run(
        command, env=surroundings(), capture_output=True, text=True, timeout=30, check=False
    )

    told = (ended.stdout + ended.stderr).strip()
    assert ended.returncode in {1, 2}
    assert len(told.splitlines()) == 1
    assert f"IMAGEMILL_PEERS_{peer.upper()}" in told
    assert not list(tmp_path.iterdir())
