"""The client and a server that is busy, gone, or something else: a loopback that misbehaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from imagemill.client import (
    Client,
    ForeignAnswerError,
    LetterFilter,
    Output,
    ProblemError,
    StillWorkingError,
    UnreachableError,
)

IMAGE = {
    "image_id": "i1",
    "format": "jpeg",
    "width": 4,
    "height": 3,
    "sha256": "0" * 64,
    "size_bytes": 5,
}
STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"),)
JOB = {"job_id": "j1", "status": "processing", "created_at": "2026-11-22T12:00:00Z"}


@dataclass(frozen=True)
class Answer:
    """One canned answer."""

    status: int
    body: object
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Moody:
    """An ASGI app that gives its answers in order, the last one for ever, and keeps what it saw."""

    answers: list[Answer]
    seen: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Method and address of each request, with its query."""

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append((scope["path"], await _read(receive), headers))
        query = scope["query_string"].decode()
        self.asked.append(f"{scope['method']} {scope['path']}{'?' if query else ''}{query}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def _read(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


@dataclass
class Clock:
    """Sleeps without waiting, and keeps for how long it was asked to."""

    slept_s: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


def _client(server: Moody, clock: Clock | None = None) -> Client:
    return Client(
        "http://server.test",
        "secret",
        transport=httpx2.ASGITransport(app=server),
        sleep=(clock or Clock()).sleep,
    )


def _busy(seconds: bytes = b"2") -> Answer:
    problem = {"code": "unavailable", "status": 503, "detail": "Busy; try again."}
    return Answer(503, problem, ((b"retry-after", seconds),))


def _told(*types: str, first: int = 1, rest: str = "") -> Answer:
    events = (
        {"id": id_, "type": type_, "job_id": "j1", "at": "2026-11-22T12:00:00Z"}
        for id_, type_ in enumerate(types, start=first)
    )
    sent = [f"id: {each['id']}\nevent: x\ndata: {json.dumps(each)}\n\n" for each in events]
    return Answer(200, ": ping\n\n".join((*sent, rest)).encode(), STREAM)


async def test_a_busy_server_gets_the_same_picture_again() -> None:
    server, clock = Moody([_busy(), _busy(b"4"), Answer(201, IMAGE)]), Clock()

    async with _client(server, clock) as client:
        image = await client.upload(b"photo")

    assert image.image_id == "i1"
    assert [body for _, body, _ in server.seen] == [b"photo"] * 3
    assert clock.slept_s == [2.0, 4.0]


async def test_a_stream_that_cannot_be_read_again_is_not_sent_again() -> None:
    async def once() -> AsyncIterator[bytes]:
        yield b"photo"

    server = Moody([_busy(), Answer(201, IMAGE)])

    async with _client(server) as client:
        with pytest.raises(ProblemError) as caught:
            await client.upload(once())

    assert (caught.value.code, caught.value.retry_after_s) == ("unavailable", 2.0)
    assert len(server.seen) == 1


async def test_a_server_that_stays_busy_is_given_up() -> None:
    server, clock = Moody([_busy(b"1")]), Clock()

    async with _client(server, clock) as client:
        with pytest.raises(ProblemError, match="Busy; try again"):
            await client.job("j1")

    assert clock.slept_s == [1.0] * 5


async def test_a_refusal_names_its_code_its_limit_and_its_fields() -> None:
    problem = {
        "code": "invalid_request",
        "status": 422,
        "detail": "Wrong.",
        "errors": [{"field": "outputs.a.0.width", "problem": "is too large."}],
        "limit": {"limit_px": 10_000},
    }
    server = Moody([Answer(422, problem)])

    async with _client(server) as client:
        with pytest.raises(ProblemError) as caught:
            await client.submit("i1", {"a": [{"op": "resize", "width": 20_000}]})

    assert (caught.value.code, caught.value.status, caught.value.detail) == (
        "invalid_request",
        422,
        "Wrong.",
    )
    assert caught.value.errors[0].field == "outputs.a.0.width"
    assert caught.value.problem.limit == {"limit_px": 10_000}
    assert str(caught.value) == "Wrong. outputs.a.0.width: is too large."


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), Answer(502, b"<html>"), Answer(200, 3)])
async def test_another_server_at_the_address_is_noticed(answer: Answer) -> None:
    async with _client(Moody([answer])) as client:
        with pytest.raises(ForeignAnswerError, match="Is this the address"):
            await client.job("j1")
        with pytest.raises(ForeignAnswerError):
            await client.operations()


async def test_the_key_goes_to_the_server_and_to_nobody_else() -> None:
    server = Moody([Answer(200, b"bytes")])
    here = Output(url="/here", format="webp", size_bytes=5, sha256="")
    elsewhere = here.model_copy(update={"url": "http://bucket.test/signed"})

    async with _client(server) as client:
        await client.fetch(here)
        await client.fetch(elsewhere)

    assert [headers.get("x-api-key") for _, _, headers in server.seen] == ["secret", None]


async def test_a_job_that_takes_too_long_goes_on_without_us() -> None:
    server = Moody([Answer(200, JOB)])

    async with Client("http://server.test", transport=httpx2.ASGITransport(app=server)) as client:
        with pytest.raises(StillWorkingError, match="goes on"):
            await client.wait("j1", timeout_s=0.05)


async def test_a_job_is_told_at_each_change_and_no_more() -> None:
    statuses = ["queued", "queued", "processing", "processing", "processing", "cancelled"]
    server = Moody([Answer(200, JOB | {"status": status}) for status in statuses])

    async with _client(server) as client:
        told = [str(job.status) async for job in client.watch("j1")]

    assert told == ["queued", "processing", "cancelled"]


async def test_a_stream_that_breaks_off_is_taken_up_where_it_was() -> None:
    half = 'id: 3\nevent: job.completed\ndata: {"id":3'
    again = _told("job.requeued", "job.started", "job.completed", first=3)
    server, clock = Moody([_told("job.queued", "job.started", rest=half), _busy(), again]), Clock()

    async with _client(server, clock) as client:
        told = [(event.id, event.type) async for event in client.follow("j1")]

    assert told == [
        (1, "job.queued"),
        (2, "job.started"),
        (3, "job.requeued"),
        (4, "job.started"),
        (5, "job.completed"),
    ]
    assert [headers.get("last-event-id") for _, _, headers in server.seen] == [None, "2", "2"]
    assert clock.slept_s == [0.5, 2.0]


async def test_a_stream_of_no_job_is_refused() -> None:
    problem = {"code": "not_found", "status": 404, "detail": "There is no such job."}

    async with _client(Moody([Answer(404, problem)])) as client:
        with pytest.raises(ProblemError, match="no such job"):
            _ = [event async for event in client.follow("j1")]


async def test_a_server_that_stays_away_ends_the_stream(unused_tcp_port: int) -> None:
    clock = Clock()

    async with Client(f"http://127.0.0.1:{unused_tcp_port}", sleep=clock.sleep) as client:
        with pytest.raises(UnreachableError):
            _ = [event async for event in client.follow("j1")]

    assert clock.slept_s == [0.5, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("data", [b"<html>", b"data: {}\n\n"])
async def test_events_that_are_none_of_ours_are_noticed(data: bytes) -> None:
    async with _client(Moody([Answer(200, data, STREAM if b"data" in data else ())])) as client:
        with pytest.raises(ForeignAnswerError):
            _ = [event async for event in client.follow("j1")]


async def test_a_job_is_looked_at_once_for_each_thing_that_happens() -> None:
    done = JOB | {"status": "completed"}
    stream = _told("job.queued", "job.started", "job.completed")
    server = Moody([stream, Answer(200, JOB), Answer(200, JOB), Answer(200, done)])

    async with _client(server) as client:
        job = await client.wait("j1")

    assert job.status == "completed"
    assert [path.rpartition("/")[2] for path, _, _ in server.seen] == ["events", "j1", "j1", "j1"]


async def test_fields_of_a_newer_server_are_left_aside() -> None:
    async with _client(Moody([Answer(200, JOB | {"mood": "good"})])) as client:
        job = await client.job("j1")

    assert job.job_id == "j1"


async def test_no_server_at_all_is_named_with_its_address(unused_tcp_port: int) -> None:
    address = f"http://127.0.0.1:{unused_tcp_port}"

    async with Client(address) as client:
        assert not await client.is_ready()
        with pytest.raises(UnreachableError, match=address):
            await client.job("j1")


async def test_an_image_is_deleted_and_only_by_force_from_under_its_jobs() -> None:
    in_use = {"code": "image_in_use", "status": 409, "detail": "Jobs use the image."}
    server = Moody([Answer(409, in_use), Answer(204, b"")])

    async with _client(server) as client:
        with pytest.raises(ProblemError) as caught:
            await client.delete_image("i1")
        await client.delete_image("i1", force=True)

    assert caught.value.code == "image_in_use"
    assert server.asked == ["DELETE /api/v1/images/i1", "DELETE /api/v1/images/i1?force=1"]


async def test_all_dead_letters_are_decided_once_however_many_there_are() -> None:
    ids = [f"j{number}" for number in range(101)]
    server = Moody(
        [
            Answer(200, {"dead_letters": [_letter(each) for each in ids[:100]], "next": "here"}),
            Answer(200, {"decided": [{"id": each, "code": "conflict"} for each in ids[:100]]}),
            Answer(200, {"dead_letters": [_letter(ids[100])], "next": None}),
            Answer(200, {"decided": [{"id": ids[100], "job_id": "new"}]}),
        ]
    )

    async with _client(server) as client:
        decided = await client.dead_letters.replay_many(LetterFilter(reason="timeout"))

    assert [each.id for each in decided] == ids
    assert [each.is_done for each in decided] == [False] * 100 + [True]
    assert [json.loads(body) for _, body, _ in server.seen if body] == [
        {"ids": ids[:100]},
        {"ids": ids[100:]},
    ]
    assert server.asked[2].endswith("?reason=timeout&state=waiting&limit=100&cursor=here")


def _letter(job_id: str) -> dict[str, str]:
    return {
        "id": job_id,
        "reason": "timeout",
        "operation": "resize",
        "state": "waiting",
        "at": "2026-11-22T12:00:00Z",
    }
