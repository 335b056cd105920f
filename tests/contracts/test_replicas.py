"""A service at two addresses: one of them fails, and nobody who asks notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from imagemill.breaker import Breaker, BreakerSettings, State
from imagemill.contracts.remote import Remote
from imagemill.contracts.replicas import Replicas
from imagemill.contracts.transport import Call, Scope
from imagemill.errors import NotAsked, Unavailable
from tests.contracts.conftest import Clock
from tests.contracts.loopback import Loopback, break_off, hang_up, reply, stream_until

READ = Call("GET", "/internal/health", {}, is_repeatable=True)
CLAIM = Call("POST", "/internal/claims", {}, b"{}")
BEAT = Call("POST", "/internal/jobs/1/beat", {}, b"{}", is_repeatable=True)
KEYED = [(b"idempotency-key", b"k")]


class Pair:
    """Two processes of one service, and the way to them."""

    def __init__(self, clock: Clock) -> None:
        self.both = (Loopback(), Loopback())
        self.breakers = [
            Breaker("jobs", BreakerSettings(failures=2, rest_s=5), clock=clock) for _ in self.both
        ]

    async def start(self) -> None:
        for each in self.both:
            await each.start()
        pairs = zip(self.both, self.breakers, strict=True)
        self.remotes = [
            Remote("jobs", each.address, breaker, tries=1, timeout_s=10) for each, breaker in pairs
        ]
        self.way = Replicas(self.remotes)

    async def close(self) -> None:
        for remote in self.remotes:
            await remote.close()
        for each in self.both:
            await each.close()

    @property
    def requests(self) -> list[int]:
        return [each.requests for each in self.both]


@pytest.fixture
async def pair(clock: Clock) -> AsyncIterator[Pair]:
    opened = Pair(clock)
    await opened.start()
    yield opened
    await opened.close()


class Caller:
    """One end of a forwarded request."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.got: list[MutableMapping[str, Any]] = []

    async def receive(self) -> MutableMapping[str, Any]:
        body = self._pieces.pop(0) if self._pieces else b""
        return {"type": "http.request", "body": body, "more_body": bool(self._pieces)}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.got.append(message)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])


async def forwarded(
    pair: Pair, method: str, *pieces: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> Caller:
    caller = Caller(*pieces)
    scope: Scope = {"method": method, "path": "/api/v1/jobs", "query_string": b""}
    await pair.way.forward({**scope, "headers": headers or []}, caller.receive, caller.send)
    return caller


async def test_requests_are_spread(pair: Pair) -> None:
    for _ in range(6):
        await pair.way.send(CLAIM)

    assert pair.requests == [3, 3]


async def test_a_dead_address_is_passed_over_and_soon_left_alone(pair: Pair) -> None:
    await pair.both[0].stop()

    for _ in range(10):
        assert (await pair.way.send(CLAIM)).status == 200

    assert pair.requests == [0, 10]
    assert pair.breakers[0].state is State.OPEN


async def test_an_address_that_is_back_is_asked_again(pair: Pair, clock: Clock) -> None:
    await pair.both[0].stop()
    for _ in range(4):
        await pair.way.send(CLAIM)
    await pair.both[0].start()

    clock.now += 10
    for _ in range(4):
        await pair.way.send(CLAIM)

    assert pair.requests[0] > 0
    assert pair.breakers[0].state is State.CLOSED


async def test_one_that_is_back_is_found_at_once_when_the_other_goes(pair: Pair) -> None:
    await pair.both[0].stop()
    for _ in range(4):
        await pair.way.send(CLAIM)
    await pair.both[0].start()
    await pair.both[1].stop()

    answers = await asyncio.gather(*(pair.way.send(CLAIM) for _ in range(5)))

    assert [each.status for each in answers] == [200] * 5
    assert pair.breakers[0].state is State.CLOSED


async def test_where_nobody_answers_it_is_tried_for_a_while(pair: Pair) -> None:
    for each in pair.both:
        await each.stop()

    with pytest.raises(Unavailable):
        await pair.way.send(CLAIM)
    with pytest.raises(NotAsked):
        await pair.way.send(CLAIM)


@pytest.mark.parametrize("call", [READ, BEAT])
async def test_what_may_be_done_twice_goes_on_elsewhere(pair: Pair, call: Call) -> None:
    pair.both[0].answer = hang_up

    assert [(await pair.way.send(call)).status for _ in range(2)] == [200, 200]


async def test_what_was_sent_and_may_not_be_done_twice_is_not_repeated(pair: Pair) -> None:
    pair.both[0].answer = hang_up

    with pytest.raises(Unavailable):
        await pair.way.send(CLAIM)

    assert pair.requests == [1, 0]


@pytest.mark.parametrize(("method", "headers"), [("GET", []), ("POST", KEYED)])
async def test_a_request_of_a_client_goes_on_elsewhere(
    pair: Pair, method: str, headers: list[tuple[bytes, bytes]]
) -> None:
    pair.both[0].answer = hang_up

    caller = await forwarded(pair, method, b"{", b"}", headers=headers)

    assert (caller.status, pair.requests) == (200, [1, 1])


@pytest.mark.parametrize(
    ("headers", "body"), [([], b"{}"), (KEYED, b"x" * 70_000)], ids=["no key", "large"]
)
async def test_a_request_that_cannot_be_sent_again_is_not(
    pair: Pair, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    pair.both[0].answer = hang_up

    with pytest.raises(Unavailable):
        await forwarded(pair, "POST", body, headers=headers)

    assert pair.requests == [1, 0]


async def test_a_large_body_of_which_nothing_was_sent_goes_elsewhere(pair: Pair) -> None:
    await pair.both[0].stop()

    caller = await forwarded(pair, "POST", b"x" * 70_000, b"y" * 70_000)

    assert (caller.status, pair.requests) == (200, [0, 1])


async def test_an_answer_that_has_begun_is_not_begun_again(pair: Pair) -> None:
    released = asyncio.Event()
    released.set()
    pair.both[0].answer = stream_until(released)

    with pytest.raises(Unavailable):
        await forwarded(pair, "GET")

    assert pair.requests == [1, 0]


async def test_a_small_answer_that_breaks_off_is_asked_for_elsewhere(pair: Pair) -> None:
    pair.both[0].answer = break_off

    caller = await forwarded(pair, "GET")

    assert (caller.status, pair.requests) == (200, [1, 1])
    assert caller.got[1]["body"] == b"{}"


async def test_an_answer_is_an_answer_be_it_an_error(pair: Pair) -> None:
    pair.both[0].answer = reply(503, b"{}", "application/problem+json")

    assert (await pair.way.send(READ)).status == 503
