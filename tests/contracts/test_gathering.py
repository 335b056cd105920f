"""Questions of the same moment travel in one call, and each asker gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

import pytest

from imagemill.contracts.gathering import Gathering
from imagemill.errors import Internal, Unavailable


class Service:
    """Answers numbers by their doubles, a call at a time, when it is let."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.let = asyncio.Event()
        self.let.set()
        self.called = asyncio.Event()
        self.error: Exception | None = None

    async def answer(self, questions: list[int]) -> Sequence[int]:
        self.calls.append(questions)
        self.called.set()
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return [2 * each for each in questions]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def gathering(service: Service) -> Gathering[int, int]:
    return Gathering(service.answer)


async def asked(
    gathering: Gathering[int, int], questions: Sequence[int]
) -> list[int | BaseException]:
    async with asyncio.timeout(10):
        return await asyncio.gather(*map(gathering.ask, questions), return_exceptions=True)


async def held(service: Service, gathering: Gathering[int, int], first: int) -> asyncio.Task[int]:
    """Begin a call that does not end before the service is let."""
    service.let.clear()
    asking = asyncio.create_task(gathering.ask(first))
    async with asyncio.timeout(10):
        await service.called.wait()
    return asking


async def test_each_call_is_made_on_behalf_of_the_first_who_asked_for_it() -> None:
    on_behalf_of: ContextVar[str] = ContextVar("on_behalf_of", default="nobody")
    calls: list[tuple[str, list[int]]] = []
    let, called = asyncio.Event(), asyncio.Event()

    async def answer(questions: list[int]) -> Sequence[int]:
        calls.append((on_behalf_of.get(), questions))
        called.set()
        await let.wait()
        return questions

    gathering = Gathering(answer)

    def ask(name: str, question: int) -> asyncio.Task[int]:
        on_behalf_of.set(name)
        return asyncio.create_task(gathering.ask(question))

    asking = [ask("ann", 1)]
    await called.wait()
    asking += [ask("ben", 2), ask("cay", 3)]
    await asyncio.sleep(0)
    let.set()
    await asyncio.gather(*asking)

    assert calls == [("ann", [1]), ("ben", [2, 3])]


async def test_a_lone_question_goes_at_once(
    service: Service, gathering: Gathering[int, int]
) -> None:
    assert [await gathering.ask(1), await gathering.ask(2)] == [2, 4]
    assert service.calls == [[1], [2]]


async def test_what_is_asked_during_a_call_goes_with_the_next_in_order(
    service: Service, gathering: Gathering[int, int]
) -> None:
    first = await held(service, gathering, 0)
    others = asyncio.create_task(asked(gathering, range(1, 6)))
    await asyncio.sleep(0)

    service.let.set()

    assert (await first, await others) == (0, [2, 4, 6, 8, 10])
    assert service.calls == [[0], [1, 2, 3, 4, 5]]


async def test_a_call_carries_no_more_than_64_questions(
    service: Service, gathering: Gathering[int, int]
) -> None:
    assert await asked(gathering, range(150)) == [2 * each for each in range(150)]
    assert [len(each) for each in service.calls] == [64, 64, 22]


@pytest.mark.parametrize("error", [Unavailable("gone"), ValueError("not to be read")])
async def test_each_asker_of_a_call_that_failed_hears_why_and_the_next_call_is_made(
    service: Service, gathering: Gathering[int, int], error: Exception
) -> None:
    service.error = error

    assert await asked(gathering, range(70)) == [error] * 70

    service.error = None
    assert await gathering.ask(4) == 8


async def test_a_call_that_is_answered_in_part_is_answered_not_at_all() -> None:
    async def forget_one(questions: list[int]) -> Sequence[int]:
        return questions[1:]

    answers = await asked(Gathering(forget_one), range(3))

    assert {type(each) for each in answers} == {Internal}


async def test_an_asker_who_leaves_costs_the_others_nothing(
    service: Service, gathering: Gathering[int, int]
) -> None:
    first = await held(service, gathering, 0)
    leaving, staying = (asyncio.create_task(gathering.ask(each)) for each in (1, 2))
    await asyncio.sleep(0)

    for each in (first, leaving):
        each.cancel()
    service.let.set()

    assert await staying == 4


async def test_closing_lets_everybody_go(service: Service, gathering: Gathering[int, int]) -> None:
    first = await held(service, gathering, 0)
    second = asyncio.create_task(gathering.ask(1))
    await asyncio.sleep(0)

    await gathering.close()

    ends = await asyncio.gather(first, second, return_exceptions=True)
    assert {type(each) for each in ends} == {asyncio.CancelledError}


async def test_closing_what_was_never_asked_is_nothing() -> None:
    close: Callable[[], Awaitable[None]] = Gathering(Service().answer).close

    await close()
