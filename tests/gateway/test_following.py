"""Streams of events through a gateway that stops: they end in good order, and nothing else does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

import pytest

from imagemill.breaker import Breaker, BreakerSettings
from imagemill.contracts.remote import Remote
from imagemill.contracts.transport import Call, Receive, Reply, Scope, Send, Transport
from imagemill.errors import Unavailable
from imagemill.gateway.following import Following
from tests.contracts.loopback import Loopback, stream_until_left

Message = MutableMapping[str, Any]
SCOPE: Scope = {
    "type": "http",
    "method": "GET",
    "path": "/api/v1/jobs/1/events",
    "query_string": b"",
    "headers": [],
}


class Service:
    """Answers with a head and a piece, and goes on when told."""

    def __init__(self, media: bytes = b"text/event-stream; charset=utf-8") -> None:
        self.media = media
        self.may_begin, self.may_end, self.has_begun = (asyncio.Event() for _ in range(3))
        self.may_begin.set()
        self.was_cut = False

    async def send(self, call: Call) -> Reply:
        raise NotImplementedError

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.may_begin.wait()
            head = {"type": "http.response.start", "status": 200}
            await send({**head, "headers": [(b"content-type", self.media)]})
            await send({"type": "http.response.body", "body": b"one", "more_body": True})
            self.has_begun.set()
            await self.may_end.wait()
            await send({"type": "http.response.body", "body": b"two", "more_body": False})
        except asyncio.CancelledError:
            self.was_cut = True
            raise


class Caller:
    """Who follows; as at the server, nobody is told of leaving who does not ask."""

    def __init__(self, following: Following, service: Transport) -> None:
        self.got: list[Message] = []
        self.left = asyncio.Event()
        self._has_asked = False
        self.asking = asyncio.create_task(
            following.forward(service, SCOPE, self.receive, self.send)
        )

    async def receive(self) -> Message:
        if self._has_asked:
            await self.left.wait()
            return {"type": "http.disconnect"}
        self._has_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.got.append(message)

    @property
    def told(self) -> bytes:
        return b"".join(each.get("body", b"") for each in self.got)

    @property
    def is_whole(self) -> bool:
        return self.got[-1].get("more_body") is False


@pytest.fixture
def following() -> Following:
    return Following()


async def test_a_stream_that_ends_by_itself_is_passed_on_whole(following: Following) -> None:
    service = Service()
    caller = Caller(following, service)
    service.may_end.set()

    await caller.asking

    assert (caller.told, caller.is_whole, service.was_cut) == (b"onetwo", True, False)


async def test_a_stream_ends_in_good_order_when_the_gateway_stops(following: Following) -> None:
    service = Service()
    caller = Caller(following, service)
    await service.has_begun.wait()

    following.end()
    await caller.asking

    assert (caller.told, caller.is_whole, service.was_cut) == (b"one", True, True)


async def test_a_stream_that_begins_during_the_stop_ends_too(following: Following) -> None:
    service = Service()
    service.may_begin.clear()
    caller = Caller(following, service)
    following.end()
    await asyncio.sleep(0)

    service.may_begin.set()
    await caller.asking

    assert (caller.told, caller.is_whole) == (b"one", True)


async def test_another_answer_is_waited_for(following: Following) -> None:
    service = Service(b"application/json")
    caller = Caller(following, service)
    await service.has_begun.wait()

    following.end()
    service.may_end.set()
    await caller.asking

    assert (caller.told, service.was_cut) == (b"onetwo", False)


async def test_what_goes_wrong_is_raised(following: Following) -> None:
    class Broken(Service):
        async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise Unavailable("It is away.")

    with pytest.raises(Unavailable):
        await Caller(following, Broken()).asking


async def test_who_leaves_takes_the_stream_along(following: Following) -> None:
    loopback, gone = Loopback(), asyncio.Event()
    loopback.answer = stream_until_left(gone)
    await loopback.start()
    breaker = Breaker("jobs", BreakerSettings(), clock=time.monotonic)
    remote = Remote("gateway", loopback.address, breaker)
    caller = Caller(following, remote)
    async with asyncio.timeout(10):
        while not caller.told:  # noqa: ASYNC110 - what comes over a socket sets no event
            await asyncio.sleep(0)

        caller.left.set()
        await caller.asking
        await gone.wait()

    assert (caller.told[:5], caller.is_whole) == (b"first", False)
    await remote.close()
    await loopback.close()
