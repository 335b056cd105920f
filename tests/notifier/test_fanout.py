"""What is owed when something happened: once, to each who wants it, whatever fails meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagemill.errors import Unavailable
from tests.notifier.told import Everybody, Told, event, ids, telling


async def test_an_event_is_owed_to_each_who_wants_it(told: Told) -> None:
    told.wanted.names = ("one", "two")

    await told.hear(event(1))

    assert {(each.event_id, each.target) for each in await told.owed()} == {
        ("evt_test_1", "one"),
        ("evt_test_1", "two"),
    }


async def test_an_event_that_nobody_wants_is_owed_to_nobody(told: Told) -> None:
    told.wanted.names = ()

    await told.hear(event(1))

    assert await told.owed() == []
    assert await told.rows("SELECT * FROM events") == []
    assert await told.rows("SELECT after FROM places") == [{"after": 1}]


async def test_what_is_told_is_what_polling_would_tell(told: Told) -> None:
    await told.hear(event(1))

    (owed,) = await told.owed()
    assert json.loads(owed.body) == {
        "type": "job.completed",
        "timestamp": "1970-01-01T00:16:40Z",
        "data": {"job_id": "job-1", "status": "completed"},
    }


async def test_events_are_heard_in_parts_and_each_once(told: Told) -> None:
    told.log.page = 2
    told.log.events = [event(each) for each in range(1, 6)]

    for _ in range(4):
        await told.hear()

    assert sorted(ids(await told.owed())) == [f"evt_test_{each}" for each in range(1, 6)]
    assert told.wanted.asked == [f"evt_test_{each}" for each in range(1, 6)]


async def test_a_crash_before_anything_is_kept_loses_nothing(tmp_path: Path) -> None:
    async with telling(tmp_path, fault="before_notify:fail:2") as told:
        with pytest.raises(Unavailable):
            await told.hear(event(1), event(2), event(3))
        assert await told.owed() == []

        await told.hear()

        assert len(await told.owed()) == 3


async def test_a_crash_after_all_is_kept_doubles_nothing(tmp_path: Path) -> None:
    async with telling(tmp_path, fault="after_notify:fail:2") as told:
        with pytest.raises(Unavailable):
            await told.hear(event(1), event(2), event(3))
        before = await told.owed()

        await told.hear()

        assert await told.owed() == before


async def test_an_event_that_is_heard_twice_is_owed_once_under_the_same_id(told: Told) -> None:
    await told.hear(event(1), event(2))
    before = await told.owed()

    await told.rows("SELECT 1")
    await told.database.run(lambda each: each.execute("UPDATE places SET after = 0"))
    await told.hear()

    assert await told.owed() == before


async def test_two_notifiers_that_hear_the_same_part_owe_it_once(told: Told) -> None:
    told.log.events = [event(1), event(2)]
    first, second = (told.notifier.fanout(told.log) for _ in range(2))
    page = await told.log.after(0)

    await first.hear()
    await second._keep(page, 0, [])

    assert len(await told.owed()) == 2
    assert await told.rows("SELECT after FROM places") == [{"after": 2}]


async def test_a_part_is_asked_about_again_when_somebody_could_not_be_asked(told: Told) -> None:
    told.wanted.is_away = True
    with pytest.raises(Unavailable):
        await told.hear(event(1))
    told.wanted.is_away = False

    await told.hear()

    assert ids(await told.owed()) == ["evt_test_1"]


async def test_several_may_say_who_wants_what(told: Told) -> None:
    both = [told.wanted, Everybody("mail")]
    told.log.events = [event(1)]

    await type(told.notifier.fanout(told.log))(
        told.log, told.database, both, told.notifier.bell
    ).hear()

    assert {each.target for each in await told.owed()} == {"one", "mail"}
