"""What a client does with a service that fails, is slow, goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from imagemill.breaker import Breaker, BreakerSettings, State
from imagemill.contracts.remote import Remote
from imagemill.contracts.transport import Call, Scope
from imagemill.errors import MalformedBody, NotAsked, TooLarge, Unavailable
from tests.contracts.conftest import Clock
from tests.contracts.loopback import (
    Loopback,
    hang_up,
    reply,
    reply_after,
    stream_until,
    stream_until_left,
)

ASK = Call("GET", "/internal/health", {})
SCOPE: Scope = {"method": "POST", "path": "/api/v1/x", "query_string": b"", "headers": []}
PROBLEM = "application/problem+json"
Message = MutableMapping[str, Any]


@pytest.fixture
async def service() -> AsyncIterator[Loopback]:
    loopback = Loopback()
    await loopback.start()
    yield loopback
    await loopback.close()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("jobs", BreakerSettings(failures=2, rest_s=5), clock=clock)


@pytest.fixture
async def remote(service: Loopback, breaker: Breaker) -> AsyncIterator[Remote]:
    opened = Remote("jobs", service.address, breaker, timeout_s=10)
    yield opened
    await opened.close()


class Caller:
    """One end of a forwarded request: what it sends, and what it gets."""

    def __init__(self, *, leaves: bool = False) -> None:
        self.got: list[Message] = []
        self.left = asyncio.Event()
        self._sent: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
        if leaves:
            self._sent.clear()
            self.left.set()

    async def receive(self) -> Message:
        if self._sent:
            return self._sent.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)


async def forward(remote: Remote, caller: Caller) -> None:
    await remote.forward(SCOPE, caller.receive, caller.send)


async def fail(remote: Remote, service: Loopback, times: int = 2) -> None:
    """Let calls fail at once, which opens the breaker."""
    before, service.answer = service.answer, hang_up
    for _ in range(times):
        with pytest.raises(Unavailable):
            await remote.send(ASK)
    service.answer = before


async def seen(look: Callable[[], object]) -> None:
    """Let others run until there is something to see."""
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - what is looked at belongs to others and sets no event
            await asyncio.sleep(0)


async def status_of(remote: Remote, call: Call = ASK) -> int:
    """Tell the status of the answer, or 0 where the service was not asked."""
    try:
        return (await remote.send(call)).status
    except NotAsked:
        return 0


async def test_an_answer_comes_back_whole(remote: Remote, service: Loopback) -> None:
    service.answer = reply(201, b"[1]")

    answer = await remote.send(ASK)

    assert (answer.status, answer.body) == (201, b"[1]")


async def test_what_a_service_answers_is_an_answer_be_it_an_error(
    remote: Remote, service: Loopback, breaker: Breaker
) -> None:
    service.answer = reply(503, b"{}", PROBLEM)

    statuses = [await status_of(remote) for _ in range(5)]

    assert statuses == [503] * 5
    assert breaker.seen().failures == 0


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_a_proxy_answers_for_a_service_is_none(
    remote: Remote, service: Loopback, breaker: Breaker, status: int
) -> None:
    service.answer = reply(status, b"<html>", "text/html")
    caller = Caller()

    with pytest.raises(Unavailable):
        await remote.send(ASK)
    with pytest.raises(Unavailable):
        await forward(remote, caller)

    assert breaker.state is State.OPEN
    assert caller.got == []


async def test_what_was_sent_is_not_sent_again(
    remote: Remote, service: Loopback, breaker: Breaker
) -> None:
    await fail(remote, service, times=1)

    assert service.requests == 1
    assert breaker.seen().failures == 1


async def test_while_the_breaker_is_open_nothing_is_sent(
    remote: Remote, service: Loopback, clock: Clock
) -> None:
    await fail(remote, service)
    clock.now += 1

    with pytest.raises(NotAsked) as sent:
        await remote.send(ASK)
    with pytest.raises(NotAsked):
        await forward(remote, Caller())

    assert service.requests == 2
    assert sent.value.retry_after_s == 4


async def test_of_many_callers_after_the_rest_one_is_let_through(
    remote: Remote, service: Loopback, breaker: Breaker, clock: Clock
) -> None:
    await fail(remote, service)
    released = asyncio.Event()
    service.answer = reply_after(released)
    clock.now += 5

    calls = [asyncio.create_task(status_of(remote)) for _ in range(20)]
    await seen(lambda: service.requests == 3)
    during = breaker.state
    released.set()
    statuses = await asyncio.gather(*calls)

    assert sorted(statuses) == [0] * 19 + [200]
    assert (during, breaker.state) == (State.HALF_OPEN, State.CLOSED)
    assert await status_of(remote) == 200


async def test_a_probe_that_is_cancelled_makes_room_for_the_next(
    remote: Remote, service: Loopback, breaker: Breaker, clock: Clock
) -> None:
    await fail(remote, service)
    service.answer = reply_after(asyncio.Event())
    clock.now += 5
    probe = asyncio.create_task(remote.send(ASK))
    await seen(lambda: service.requests == 3)

    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    service.answer = reply()

    assert await status_of(remote) == 200
    assert breaker.state is State.CLOSED


@pytest.mark.slow
async def test_a_refused_connection_is_tried_three_times_and_is_one_failure(
    remote: Remote, service: Loopback, breaker: Breaker
) -> None:
    await service.stop()

    with capture_logs() as lines, pytest.raises(Unavailable):
        await remote.send(ASK)

    assert [each["retry_num"] for each in lines if "retry_num" in each] == [1, 2]
    assert breaker.seen().failures == 1


@pytest.mark.slow
@pytest.mark.parametrize("way", ["send", "forward"])
async def test_a_service_that_is_back_in_time_was_never_missed(
    remote: Remote, service: Loopback, breaker: Breaker, way: str
) -> None:
    await service.stop()
    caller = Caller()

    with capture_logs() as lines:
        ask = remote.send(ASK) if way == "send" else forward(remote, caller)
        asked = asyncio.ensure_future(ask)
        await seen(lambda: lines)
        await service.start()
        await asked

    assert service.requests == 1
    assert breaker.seen().failures == 0


@pytest.mark.slow
async def test_a_service_that_stops_is_left_alone_and_found_again_when_it_is_back(
    remote: Remote, service: Loopback, breaker: Breaker, clock: Clock
) -> None:
    await service.stop()
    told = await asyncio.gather(*(remote.send(ASK) for _ in range(4)), return_exceptions=True)
    opened = breaker.state
    while_open = await status_of(remote)
    clock.now += 5
    with capture_logs() as lines, pytest.raises(Unavailable):
        await remote.send(ASK)  # The probe; it is not tried again.
    await service.start()
    too_early = await status_of(remote)
    clock.now += 10

    assert {type(each) for each in told} == {Unavailable}
    assert (opened, while_open, too_early) == (State.OPEN, 0, 0)
    assert [each["event"] for each in lines] == ["breaker_opened"]
    assert await status_of(remote) == 200
    assert breaker.state is State.CLOSED


async def test_a_long_answer_is_an_answer_from_its_beginning(
    remote: Remote, service: Loopback, breaker: Breaker, clock: Clock
) -> None:
    await fail(remote, service)
    released = asyncio.Event()
    service.answer = stream_until(released)
    clock.now += 5
    caller = Caller()

    streaming = asyncio.create_task(forward(remote, caller))
    await seen(lambda: len(caller.got) == 2)
    during = breaker.state
    released.set()
    with pytest.raises(Unavailable):
        await streaming

    assert during is State.CLOSED
    assert breaker.seen().failures == 2  # Those that opened it; the end of the stream is none.


async def test_a_caller_who_leaves_ends_a_long_answer_at_the_service_too(
    remote: Remote, service: Loopback, breaker: Breaker
) -> None:
    gone = asyncio.Event()
    service.answer = stream_until_left(gone)
    caller = Caller()
    streaming = asyncio.create_task(forward(remote, caller))
    await seen(lambda: len(caller.got) > 1)

    caller.left.set()
    async with asyncio.timeout(10):
        await streaming
        await gone.wait()

    assert caller.got[-1]["more_body"] is True
    assert (breaker.state, breaker.seen().failures) == (State.CLOSED, 0)


async def test_a_held_answer_may_take_longer_than_a_call(
    service: Loopback, breaker: Breaker
) -> None:
    remote = Remote("jobs", service.address, breaker, timeout_s=0.1, held_s=30)
    released = asyncio.Event()
    service.answer = reply_after(released)
    caller = Caller()

    held = asyncio.create_task(forward(remote, caller))
    with pytest.raises(Unavailable):
        await remote.send(ASK)
    released.set()
    await held
    await remote.close()

    assert caller.got[0]["status"] == 200


async def test_a_caller_who_leaves_says_nothing_of_the_service(
    remote: Remote, service: Loopback, breaker: Breaker, clock: Clock
) -> None:
    await fail(remote, service)
    clock.now += 5

    with pytest.raises(MalformedBody):
        await forward(remote, Caller(leaves=True))

    assert breaker.state is State.OPEN
    assert await status_of(remote) == 200


async def test_a_body_that_breaks_says_nothing_of_the_service(
    remote: Remote, breaker: Breaker
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise TooLarge("on purpose")

    for _ in range(3):
        with pytest.raises(TooLarge, match="on purpose"):
            await remote.send(Call("POST", "/internal/x", {}, broken()))

    assert breaker.seen().failures == 0


async def test_an_odd_request_says_nothing_of_the_service(
    remote: Remote, service: Loopback, breaker: Breaker
) -> None:
    for _ in range(3):
        with pytest.raises(Unavailable):
            await remote.send(Call("GET", "/internal/x", {"x-odd": "a\nb"}))

    assert service.requests == 0
    assert breaker.seen().failures == 0
