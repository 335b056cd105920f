"""Calls that go on although nobody waits for them, and end before the loop does."""

from __future__ import annotations

import asyncio

import pytest

from imagemill.storage.objects.calls import Calls


async def test_a_call_goes_on_when_who_waits_for_it_is_cancelled() -> None:
    calls, goes, ended = Calls(), asyncio.Event(), asyncio.Event()

    async def call() -> None:
        await goes.wait()
        ended.set()

    waiting = asyncio.create_task(calls.make(call()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    goes.set()
    await calls.close(10)

    assert waiting.cancelled()
    assert ended.is_set()


async def test_closing_waits_no_longer_than_it_is_told_to() -> None:
    calls, never = Calls(), asyncio.Event()
    call = calls.begin(never.wait())

    await calls.close(0.01)

    assert not call.done()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_what_a_call_raises_reaches_who_waits_for_it() -> None:
    async def call() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await Calls().make(call())
