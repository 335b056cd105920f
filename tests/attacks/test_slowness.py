"""Who is too slow is cut off, whatever is slow; who only waits is not.

HT047 and HT049 of the attacks, and bodies without an end (HT037).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance import pictures, raw
from tests.acceptance.api import API
from tests.acceptance.system import System, eventually
from tests.acceptance.test_limits import original_count

PATIENCE_S = 8.0
"""Far more than the second that the system waits."""


def dripped(
    system: System, head: bytes, piece: bytes, *, pause_s: float = 0.1, address: str = "127.0.0.1"
) -> tuple[bytes, float]:
    """Send a head, then a piece each moment until the server hangs up; give answer and seconds."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", system.port), 20, (address, 0)) as line:
        line.sendall(head)
        answer = bytearray()
        line.settimeout(pause_s)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - began < PATIENCE_S:
                try:
                    if not (read := line.recv(65_536)):
                        break
                    answer += read
                except TimeoutError:
                    line.sendall(piece)
        return bytes(answer), time.monotonic() - began


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ", b"GET /"]
)
def test_a_head_that_drips_is_not_waited_for(system: System, api: API, head: bytes) -> None:
    answer, took_s = dripped(system, head, b"a")

    assert raw.status_of(answer) == 408
    assert b'"code":"too_slow"' in answer
    assert took_s < PATIENCE_S


def test_who_says_nothing_is_left(system: System, api: API) -> None:
    answer, took_s = dripped(system, b"", b"")

    assert (answer, took_s < PATIENCE_S) == (b"", True)


@pytest.mark.parametrize(
    ("fields", "piece"),
    [
        ("content-length: 40000000", b"a" * 10),
        ("transfer-encoding: chunked", b"1\r\na\r\n"),
        ("content-length: 40000000", b""),
        ("transfer-encoding: chunked", b""),
    ],
    ids=["drip", "chunks drip", "nothing", "no chunk"],
)
def test_a_body_of_100_bytes_a_second_is_not_waited_for_and_not_kept(
    system: System, api: API, fields: str, piece: bytes
) -> None:
    kept = original_count(system)

    answer, took_s = dripped(system, raw.head(system, "POST", "/api/v1/images", fields), piece)

    assert raw.status_of(answer) == 408
    assert took_s < PATIENCE_S
    eventually(lambda: original_count(system) == kept)


def test_the_names_of_chunks_may_not_go_on_without_end(system: System, api: API) -> None:
    head = raw.head(system, "POST", "/api/v1/images", "transfer-encoding: chunked")

    answer, took_s = dripped(system, head + b"\r\n1;", b"a" * 50_000, pause_s=0.01)

    assert raw.status_of(answer) in {400, 408}
    assert took_s < PATIENCE_S


def test_a_body_that_goes_on_after_its_answer_is_not_read_for_ever(
    system: System, api: API
) -> None:
    head = raw.head(system, "POST", "/api/v1/nothing", "content-length: 90000000")
    began = head.replace(b"connection: close\r\n", b"")

    answer, took_s = dripped(system, began, b"a" * 2_000, pause_s=0.05)

    assert raw.status_of(answer) == 404
    assert took_s < PATIENCE_S


def test_an_answer_that_nobody_takes_is_broken_off(system: System, api: API) -> None:
    image = api.upload(pictures.png(2600, 2000))
    head = raw.head(system, "GET", f"/api/v1/images/{image['image_id']}/content")
    asked = head.replace(b"connection: close\r\n", b"")

    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", system.port))
        # As often as the kernel's buffers need it to be full.
        line.sendall(asked * 12)
        eventually(lambda: "answer is not taken" in system.said(), within_s=20)


def test_who_waits_for_an_answer_is_not_slow(system: System, api: API, photo: bytes) -> None:
    job_id = api.completed(api.short("flip", photo))["job_id"]
    head = raw.head(system, "GET", f"/api/v1/jobs/{job_id}/events")

    waited = api.get("/api/v1/jobs/none", headers={"prefer": "wait=3"})
    told = raw.sent(system, head)

    assert waited.status_code == 404
    assert b"event: job.completed" in told


def test_who_sends_steadily_is_not_slow(system: System, api: API, photo: bytes) -> None:
    def steadily() -> Iterator[bytes]:
        for at in range(0, len(photo), piece):
            yield photo[at : at + piece]
            threading.Event().wait(0.1)

    piece = len(photo) // 25 + 1
    assert piece * 10 > 1000, "the picture is too small to be sent fast enough"

    answer = api.post("/api/v1/images", content=steadily())

    assert answer.status_code == 201


def test_many_from_one_address_are_turned_away_and_others_are_not(system: System, api: API) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            opened.enter_context(connected(system, "127.0.0.9"))
        with ThreadPoolExecutor(1) as pool:
            turned = pool.submit(answer_to, system, "127.0.0.9").result()
        other = answer_to(system, "127.0.0.10")

    assert raw.status_of(turned) in {503, 0}
    assert raw.status_of(other) == 200


def connected(system: System, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", system.port), 20, (address, 0))


def answer_to(system: System, address: str) -> bytes:
    """Ask from an address whether the system lives."""
    with connected(system, address) as line, contextlib.suppress(ConnectionError):
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: line.recv(4096), b""))
    return b""


def test_nothing_is_left_of_uploads_that_break_off(system: System, api: API) -> None:
    kept, whole = original_count(system), [pictures.jpeg() for _ in range(8)]

    with ThreadPoolExecutor(16) as pool:
        broken = [pool.submit(broken_off, system, pictures.jpeg()) for _ in range(8)]
        answers = list(pool.map(lambda each: api.post("/api/v1/images", content=each), whole))
        for each in broken:
            each.result()

    assert [each.status_code for each in answers] == [201] * 8
    eventually(lambda: original_count(system) == kept + 8)


def broken_off(system: System, picture: bytes) -> None:
    """Send half a picture and go."""
    head = raw.head(system, "POST", "/api/v1/images", f"content-length: {len(picture)}")
    with connected(system, "127.0.0.1") as line:
        line.sendall(head + picture[: len(picture) // 2])
