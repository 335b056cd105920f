"""Two processes of the jobs service on one database: nothing is done twice, nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from imagemill.database import Database
from imagemill.errors import Unavailable
from imagemill.faults import Faults
from imagemill.jobs.bells import Bells
from imagemill.jobs.records import leases
from imagemill.jobs.relay import Relay
from imagemill.jobs.states import Status
from imagemill.queue.sql import SQLQueue
from tests.jobs.life import Life, living


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, sweep_every_s=0.1) as opened:
        yield opened


@pytest.fixture
def other(life: Life) -> Relay:
    """Give the relay of another process."""
    return Relay(life.database, life.queue, Bells(), Faults.none())


class Down(SQLQueue):
    """A queue that takes nothing."""

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        raise Unavailable("The broker is away.")


class Telling(SQLQueue):
    """A queue that says when it has something."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.told = asyncio.Event()

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        await super().publish(topic, bodies)
        self.told.set()


async def test_two_relays_announce_every_job_once(life: Life, other: Relay) -> None:
    made = await life.accept(40)

    mine, theirs = await asyncio.gather(life.relay._round([]), other._round([]))
    while mine or theirs:
        for each in made:
            await life.claim(each)  # There is room for more then.
        mine, theirs = await asyncio.gather(life.relay._round(mine), other._round(theirs))

    assert sorted(await life.queued()) == sorted(each.id for each in made)


async def test_what_a_dead_relay_took_is_announced_by_another_one(life: Life, other: Relay) -> None:
    (job,) = await life.accept()
    dead = Relay(life.database, life.queue, Bells(), Faults.none())
    await life.database.run(lambda each: dead._following(each, []))

    at_once = await other._round([])
    life.clock.now += 6
    later = await other._round([])

    assert at_once == []
    assert [each.job_id for each in later] == [job.id]


async def test_what_a_broker_did_not_take_is_anybodys_at_once(life: Life, other: Relay) -> None:
    (job,) = await life.accept()
    unlucky = replace(life.relay, queue=Down(life.messages))

    with pytest.raises(Unavailable):
        await unlucky._round([])

    assert [each.job_id for each in await other._round([])] == [job.id]


async def test_what_was_announced_is_noted_once_however_often_the_next_ones_fail(
    life: Life,
) -> None:
    await life.accept()
    published = await life.relay._round([])
    await life.accept()
    unlucky = replace(life.relay, queue=Down(life.messages))

    with pytest.raises(Unavailable):
        await unlucky._round(published)

    assert published == []


async def test_a_relay_hears_of_jobs_that_another_process_accepted(
    life: Life, other: Relay
) -> None:
    telling = Telling(life.messages)
    running = asyncio.create_task(replace(other, queue=telling).run())
    await asyncio.sleep(0)

    (job,) = await life.accept()  # It rings the bells of its own process only.

    async with asyncio.timeout(5):
        await telling.told.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await life.queued() == [job.id]


async def test_of_two_sweepers_one_works_and_the_other_takes_over(life: Life) -> None:
    first, second = (replace(life.sweeper, holder=name) for name in ("first", "second"))

    turns = [await each._is_mine() for each in (first, second, first)]
    life.clock.now += 0.4
    late = [await each._is_mine() for each in (second, first)]

    assert turns == [True, False, True]
    assert late == [True, False]


async def test_a_sweeper_that_leaves_hands_over_at_once(life: Life) -> None:
    first, second = (replace(life.sweeper, holder=name) for name in ("first", "second"))
    assert await first._is_mine()

    await first.leave()
    await second.leave()

    assert [await each._is_mine() for each in (first, second)] == [False, False]
    third = replace(life.sweeper, holder="third")
    assert await third._is_mine()


async def test_a_lease_is_let_go_by_its_holder_only(life: Life) -> None:
    await life.database.run(lambda each: leases.hold(each, "a", "me", 10))
    await life.database.run(lambda each: leases.let_go(each, "a", "you"))

    assert not await life.database.run(lambda each: leases.hold(each, "a", "you", 10))


async def test_the_one_who_holds_the_lease_sweeps(life: Life) -> None:
    (job,) = await life.accept()
    await life.claimed(job)
    given_up = life.bells.ends.of(job.id)
    life.clock.now += 31

    running = asyncio.create_task(life.sweeper.run())
    async with asyncio.timeout(5):
        await given_up.wait()

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await life.job(job)).standing.status is Status.QUEUED
