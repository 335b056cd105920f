"""How a service is, is told in time, and by what it needs and what it can outlast."""

from __future__ import annotations

import asyncio

import pytest

from imagemill.errors import Unavailable
from imagemill.web.health import checked, together


async def well() -> None:
    """Answer."""


async def away() -> None:
    raise Unavailable("Nobody is there.")


async def hanging() -> None:
    await asyncio.Event().wait()


async def test_a_service_that_has_all_it_needs_is_ok() -> None:
    told = await checked({"database": well}, {"queue": well})

    assert told["status"] == "ok"
    assert {name: each["status"] for name, each in told["checks"].items()} == {
        "database": "ok",
        "queue": "ok",
    }


async def test_what_can_be_outlasted_makes_a_service_degraded_and_not_dead() -> None:
    told = await checked({"database": well}, {"queue": away})

    assert told["status"] == "degraded"
    assert told["checks"]["queue"]["reason"] == "Nobody is there."


async def test_without_what_it_needs_a_service_is_unavailable() -> None:
    told = await checked({"database": away}, {"queue": well})

    assert told["status"] == "unavailable"


async def test_what_hangs_is_failing_after_two_seconds() -> None:
    told = await checked({}, {"queue": hanging})

    assert told["status"] == "degraded"
    assert told["checks"]["queue"]["ms"] >= 1900


@pytest.mark.parametrize(
    ("parts", "whole"),
    [(["ok", "ok"], "ok"), (["ok", "degraded"], "degraded"), (["unavailable"], "degraded")],
)
def test_a_whole_is_as_well_as_the_least_of_its_parts(parts: list[str], whole: str) -> None:
    assert together(parts) == whole
