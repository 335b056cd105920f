"""Jobs on images by URL end whatever is killed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.system import eventually, started


@contextmanager
def stalling(picture: bytes) -> Iterator[tuple[int, threading.Event, threading.Event]]:
    """Serve a picture once `go` is set; tell the port, and that somebody has asked."""
    asked, go = threading.Event(), threading.Event()

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            go.wait(60)
            self.send_response(200)
            self.send_header("content-length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # Who was killed is gone.
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked, go
        go.set()
        server.shutdown()


def test_a_job_by_url_survives_the_end_of_every_process(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with stalling(pictures.jpeg()) as (port, asked, go):
        settings = {
            "egress_allow_networks": "127.0.0.0/8",
            "egress_allow_ports": str(port),
            "uploads_fetch_lease_s": "1",
        }
        with started(data, settings=settings) as system, API(system) as api:
            job = api.post(
                "/api/v1/resize", json={"url": f"http://127.0.0.1:{port}/a.jpg", "width": 8}
            )
            assert (job.status_code, job.json()["status"]) == (202, "queued")
            assert asked.wait(20)
            system.kill()
        go.set()

        with started(data, settings=settings) as system, API(system) as api:
            ended = api.completed(job)
            image = api.get(f"/api/v1/images/{ended['input']['image_id']}").json()

    assert image["status"] == "stored"
    assert ended["outputs"]["result"]["width"] == 8


def test_the_simple_routes_fetch_what_a_url_leads_to(tmp_path: Path) -> None:
    with stalling(pictures.jpeg()) as (port, _, go):
        go.set()
        settings = {"egress_allow_networks": "127.0.0.0/8", "egress_allow_ports": str(port)}
        url = f"http://127.0.0.1:{port}/a.jpg"
        with started(tmp_path / "data", settings=settings) as system, API(system) as api:
            promise = api.post("/images", json={"url": url})
            blocked = api.post("/url", json={"url": f"http://127.0.0.2:{port}/a.jpg"})

            made, failed = (status_of(api, each) for each in (promise, blocked))
            shown = httpx2.get(made["imageUrl"], trust_env=False)
            again = api.get(f"/status/{made['imageId']}").json()
            twice = api.post("/images", json={"url": url})
            same = status_of(api, twice)
            led = api.get(f"/status/{twice.json()['imageId']}").json()

    assert (promise.status_code, promise.json()["originUrl"]) == (202, url)
    assert promise.headers["location"] == f"/status/{promise.json()['requestId']}"
    assert (made["status"], made["originUrl"], made["error"]) == ("COMPLETED", url, None)
    assert (made["metadata"]["width"], again["requestId"]) == (64, made["requestId"])
    assert pictures.opened(shown.content).size == (64, 48)
    assert (same["status"], same["imageId"]) == ("COMPLETED", made["imageId"])
    assert led["requestId"] == same["requestId"] != made["requestId"]
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "source_blocked")
    assert (failed["imageUrl"], failed["results"], failed["metadata"]) == (None, {}, None)


def status_of(api: API, promise: httpx2.Response) -> JSON:
    """Wait for the end of a request to a simple route."""
    path = promise.headers["location"]

    def ended() -> JSON | None:
        told: JSON = api.get(path).json()
        return told if told["status"] in {"COMPLETED", "FAILED"} else None

    return eventually(ended)
