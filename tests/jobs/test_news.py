"""Bells that ring for who waits."""

from __future__ import annotations

import gc

from imagemill.jobs.news import News


async def test_a_bell_rings_for_its_job_only() -> None:
    news = News()
    mine, other = news.of("mine"), news.of("other")

    news.tell("mine")

    assert (mine.is_set(), other.is_set()) == (True, False)


async def test_a_bell_that_rang_is_another_bell_for_who_comes_after() -> None:
    news = News()
    first = news.of("job")

    news.tell("job")

    assert not news.of("job").is_set()
    assert first.is_set()


async def test_all_who_wait_for_a_job_share_its_bell() -> None:
    news = News()

    assert news.of("job") is (bell := news.of("job"))
    assert not bell.is_set()


async def test_at_the_end_everybody_is_woken_and_nobody_waits_again() -> None:
    news = News()
    before = news.of("job")

    news.end()

    assert before.is_set()
    assert news.of("job").is_set()


async def test_a_job_that_nobody_waits_for_takes_no_room() -> None:
    news = News()
    for number in range(100):
        news.of(str(number))

    gc.collect(0)

    assert len(news._bells) == 0
