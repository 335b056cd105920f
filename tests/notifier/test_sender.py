"""How what is owed is delivered: again while it may help, few at one host, recorded each time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import pytest

from imagemill.database import Database, Unit
from imagemill.errors import Unavailable
from imagemill.notifier.channels import again, never
from imagemill.notifier.delivery import DeliveryStatus, lane_of
from imagemill.notifier.records.deliveries import Waiting
from imagemill.notifier.retries import TRIES
from imagemill.notifier.sender import Sender, room
from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.sweep import Sweeper
from tests.notifier.told import Told, event, ids, telling

T = TypeVar("T")


async def test_what_is_owed_is_delivered_once(told: Told) -> None:
    await told.hear(event(1), event(2))

    assert await told.send() == 2
    assert await told.send() == 0
    assert {each.status for each in await told.owed()} == {DeliveryStatus.DELIVERED}
    assert sorted(ids(told.receiver.got)) == ["evt_test_1", "evt_test_2"]


async def test_a_try_that_failed_is_made_again_after_a_pause_under_the_same_id(told: Told) -> None:
    await told.hear(event(1))
    told.receiver.answers = [again("The receiver answered 500.", status=500)]

    await told.send()
    told.clock.now += 4.9
    assert await told.send() == 0
    told.clock.now += 0.2
    assert await told.send() == 1

    first, second = told.receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert [each.status for each in await told.owed()] == [DeliveryStatus.DELIVERED]


async def test_a_delivery_fails_when_its_tries_are_used_up(told: Told) -> None:
    await told.hear(event(1))
    told.receiver.answers = [again("No.") for _ in range(TRIES)]

    for _ in range(TRIES + 1):
        await told.send()
        told.clock.now += 100_000

    (failed,) = await told.owed()
    assert (failed.status, failed.tries) == (DeliveryStatus.FAILED, TRIES)
    assert len(told.receiver.got) == TRIES


async def test_a_delivery_that_can_never_go_well_is_tried_once(told: Told) -> None:
    await told.hear(event(1))
    told.receiver.answers = [never("The address is not one that may be asked.")]

    await told.send()

    assert [(each.status, each.tries) for each in await told.owed()] == [(DeliveryStatus.FAILED, 1)]


@pytest.mark.both_engines
async def test_every_try_is_recorded(told: Told) -> None:
    await told.hear(event(1))
    told.receiver.answers = [again("Answered 503.", 60.0, status=503, answer="x" * 5000)]

    await told.send()
    told.clock.now += 61
    await told.send()

    rows = await told.rows("SELECT * FROM attempts ORDER BY number")
    said = [(each["number"], each["outcome"], each["reason"], each["status"]) for each in rows]
    assert said == [(1, "again", "Answered 503.", 503), (2, "delivered", "", 200)]
    assert len(rows[0]["answer"]) == 1024
    assert rows[0]["milliseconds"] >= 0


async def test_a_mistake_in_a_channel_costs_a_try_and_holds_up_nobody(told: Told) -> None:
    await told.hear(event(1), event(2))
    told.receiver.answers = [ValueError("boom")]

    await told.send()

    assert sorted(each.status for each in await told.owed()) == [
        DeliveryStatus.DELIVERED,
        DeliveryStatus.OWED,
    ]


async def test_what_is_owed_by_a_channel_that_is_gone_fails(told: Told) -> None:
    await told.hear(event(1))
    told.channels.clear()

    await told.send()

    assert [each.status for each in await told.owed()] == [DeliveryStatus.FAILED]


async def test_a_crash_before_it_is_sent_costs_no_try(tmp_path: Path) -> None:
    async with telling(tmp_path, fault="before_deliver:fail") as told:
        await told.hear(event(1))
        await told.send()
        told.clock.now += told.notifier.settings.delivery_lease_s + 1

        await told.send()

        assert [(each.status, each.tries) for each in await told.owed()] == [
            (DeliveryStatus.DELIVERED, 1)
        ]


async def test_a_crash_after_it_is_sent_sends_it_again_under_the_same_id(tmp_path: Path) -> None:
    async with telling(tmp_path, fault="after_deliver:fail") as told:
        await told.hear(event(1))
        await told.send()
        told.clock.now += told.notifier.settings.delivery_lease_s + 1

        await told.send()

        assert len({each.id for each in told.receiver.got}) == 1
        assert len(told.receiver.got) == 2
        assert [each.status for each in await told.owed()] == [DeliveryStatus.DELIVERED]


async def test_the_end_of_a_try_whose_lease_is_over_is_not_recorded(told: Told) -> None:
    await told.hear(event(1))
    sender = told.notifier.sender()
    (late,) = await sender._take()
    told.clock.now += told.notifier.settings.delivery_lease_s + 1
    await told.send()
    told.receiver.answers = [never("Too late to matter.")]

    await sender._deliver(late)

    assert [each.status for each in await told.owed()] == [DeliveryStatus.DELIVERED]
    assert len(await told.rows("SELECT * FROM attempts")) == 1


@pytest.mark.both_engines
async def test_two_notifiers_do_not_try_the_same_delivery(told: Told) -> None:
    await told.hear(*(event(each) for each in range(1, 4)))
    first, second = told.notifier.sender(), told.notifier.sender()

    taken = await asyncio.gather(first._take(), second._take())

    assert sorted(ids(taken[0] + taken[1])) == [f"evt_test_{each}" for each in range(1, 4)]


async def test_a_slow_receiver_holds_up_nobody_else(told: Told) -> None:
    told.wanted.names = ("slow", "quick")
    told.receiver.slow = {"slow": asyncio.Event()}
    await told.hear(*(event(each) for each in range(1, 51)))
    sending = asyncio.create_task(told.notifier.sender().run())

    async with asyncio.timeout(20):
        await told.receiver.heard("quick", 50)

    assert sum(each.target == "slow" for each in told.receiver.got) == 4
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.both_engines
async def test_ended_deliveries_are_forgotten_with_their_events_and_tries(told: Told) -> None:
    told.wanted.names = ("one", "two")
    await told.hear(event(1))
    told.receiver.answers = [again("Later.")]
    await told.send()
    told.clock.now += told.notifier.settings.keep_deliveries_s + 1

    await told.notifier.sweeper().look()

    assert [each.status for each in await told.owed()] == [DeliveryStatus.OWED]
    assert len(await told.rows("SELECT * FROM events")) == 1
    await told.send()
    told.clock.now += told.notifier.settings.keep_deliveries_s + 1
    await told.notifier.sweeper().look()
    assert await told.rows("SELECT * FROM events") == []
    assert await told.rows("SELECT * FROM attempts") == []


async def test_health_tells_what_is_owed_and_since_when(told: Told) -> None:
    nothing = await told.notifier.health()
    await told.hear(event(1), event(2))
    told.clock.now += 60

    assert nothing == {"owed": 0, "oldest_owed_s": None}
    assert await told.notifier.health() == {"owed": 2, "oldest_owed_s": 60.0}


def test_a_host_has_its_share_whoever_is_told_there() -> None:
    settings = NotifierSettings(deliveries_per_host=4)
    due = [Waiting(lane_of("a.test", owner), 0.0) for owner in ("A", "B")]

    free = room(due, {lane_of("a.test", "A"): 1}, settings)

    assert free == {lane_of("a.test", "A"): 3}


def test_an_owner_has_a_share_of_all_hosts() -> None:
    settings = NotifierSettings(deliveries_per_owner=5)
    due = [Waiting(lane_of(f"{each}.test", "A"), 0.0) for each in range(3)]

    free = room([*due, Waiting(lane_of("z.test", "B"), 0.0)], {}, settings)

    assert free == {due[0].lane: 4, due[1].lane: 1, lane_of("z.test", "B"): 4}


def test_no_more_are_tried_at_once_than_the_setting_allows() -> None:
    settings = NotifierSettings(deliveries_at_once=5)
    due = [Waiting(lane_of(f"{each}.test", str(each)), 0.0) for each in range(3)]

    assert sum(room(due, {lane_of("z.test", "Z"): 2}, settings).values()) == 3


async def test_a_database_that_is_away_for_a_moment_is_outlasted(told: Told) -> None:
    await told.hear(event(1))
    away = Away(told.database)
    sender = Sender(
        away, told.channels, told.notifier.settings, told.notifier.bell, chance=lambda: 0.0
    )
    sending = asyncio.create_task(sender.run())
    async with asyncio.timeout(20):
        await told.receiver.heard("one", 1)

    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    assert away.refused == 1


async def test_a_sweep_that_cannot_write_is_made_again_later(told: Told) -> None:
    away = Away(told.database)
    sweeping = asyncio.create_task(Sweeper(away, 60.0).run())

    async with asyncio.timeout(20):
        await away.was_refused.wait()

    assert not sweeping.done()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


class Away:
    """A database that does not answer the first time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.refused = 0
        self.was_refused = asyncio.Event()
        self.migrate = database.migrate
        self.heard = database.heard
        self.close = database.close

    async def read(self, unit: Unit[T]) -> T:
        """Refuse once, then read."""
        self._refuse_once()
        return await self._database.read(unit)

    async def run(self, unit: Unit[T], *, durable: bool = True) -> T:
        """Refuse once, then run."""
        self._refuse_once()
        return await self._database.run(unit, durable=durable)

    def _refuse_once(self) -> None:
        if not self.refused:
            self.refused += 1
            self.was_refused.set()
            raise Unavailable("The database cannot be used now.")
