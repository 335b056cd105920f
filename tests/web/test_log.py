"""What is logged of a request: one line, when it has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from imagemill.contracts.noted import ROUTE, noted
from imagemill.contracts.transport import SERVICE, Call, InMemory, Receive, Scope, Send
from imagemill.web.requests import RequestIds


async def made(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b"made"})


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("on purpose")


def clock_of(*times: float) -> Callable[[], float]:
    return iter(times).__next__


async def test_a_request_is_one_line_with_how_it_ended_and_without_its_query() -> None:
    app = RequestIds(made, clock=clock_of(10.0, 10.25))

    with capture_logs() as lines:
        await InMemory(app).send(Call("POST", "/api/v1/images?secret=x", {}))

    wanted = {"method": "POST", "path": "/api/v1/images", "route": "other", "status": 201}
    wanted |= {"ms": 250.0, "bytes": 4}
    assert lines == [{"event": "request", "log_level": "info", **wanted}]


@pytest.mark.parametrize(("is_inside", "told"), [(True, "/thing/{id}"), (False, None)])
async def test_only_a_service_tells_the_gateway_which_route_took_a_request(
    *, is_inside: bool, told: str | None
) -> None:
    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        noted(scope).route = "/thing/{id}"
        await made(scope, receive, send)

    app = RequestIds(routed, is_inside=is_inside)
    reply = await InMemory(app).send(Call("GET", "/thing/1", {SERVICE: "jobs"}))

    assert reply.headers.get(ROUTE) == told
    assert reply.headers["traceparent"]


async def test_a_request_that_nobody_foresaw_ends_as_500() -> None:
    with capture_logs() as lines:
        reply = await InMemory(RequestIds(failing)).send(Call("GET", "/", {}))

    assert [line["event"] for line in lines] == ["request_failed", "request"]
    assert lines[-1]["status"] == reply.status == 500


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_what_machines_ask_for_ever_is_not_in_the_way(path: str) -> None:
    with capture_logs() as lines:
        await InMemory(RequestIds(made)).send(Call("GET", path, {}))

    assert [line["log_level"] for line in lines] == ["debug"]


async def test_a_key_in_a_path_is_not_logged() -> None:
    with capture_logs() as lines:
        await InMemory(RequestIds(made)).send(Call("GET", f"/api/v1/jobs/im_{'k' * 43}/x", {}))

    assert lines[0]["path"] == "/api/v1/jobs/.../x"
