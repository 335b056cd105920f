"""One turn of a contender: jobs are submitted while its workers are held, and then worked off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.noop.contenders import Contender, Ground, NoBulk, Running

_LEAST_PER_S: Final = 20
"""Jobs a second below which a drain is given up."""
_GRACE_S: Final = 60
_LOOK_EVERY_S: Final = 0.003
_UNMEASURED: Final = 0.2
"""Share of the waiting jobs before the clock runs, in which workers that had nothing to do and
look ever more rarely (dramatiq, huey) come back."""
_SETTLED_CPU_S: Final = 0.1
"""CPU seconds in one second below which workers count as started, some of which poll."""
_SETTLE_WITHIN_S: Final = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """One contender in one round."""

    contender: str
    round: int
    drained_per_s: float
    submitted_per_s: float
    bulk_per_s: float | None
    """None where it takes jobs one by one only."""
    drain_cpu_ms: float
    """CPU milliseconds for each job of servers and workers while they drain."""
    submit_cpu_ms: float
    """The same of client and servers while jobs are submitted one by one."""


@dataclass(frozen=True, slots=True)
class Drain:
    """How fast waiting jobs were worked off."""

    per_s: float
    cpu_ms: float
    """CPU milliseconds for each job of servers and workers."""


async def turn(
    contender: Contender, ground: Ground, jobs: int, number: int, tell: Callable[[str], None]
) -> Cell:
    """Start a contender afresh and measure it; `tell` hears why there is no bulk."""
    async with contender.start(ground) as running:
        await warm_up(running, max(jobs // 10, 50))
        running.hold()
        submit_s, submit_cpu_s = await _submitted(running, jobs)
        drain = await drained(running, jobs)
        running.hold()
        try:
            bulk_per_s = jobs / await running.submit_in_bulk(jobs)
        except NoBulk as why:
            tell(f"round {number + 1}: {contender.name} {why}")
            bulk_per_s = None
    return Cell(
        contender=contender.name,
        round=number,
        drained_per_s=drain.per_s,
        submitted_per_s=jobs / submit_s,
        bulk_per_s=bulk_per_s,
        drain_cpu_ms=drain.cpu_ms,
        submit_cpu_ms=submit_cpu_s / jobs * 1000,
    )


async def warm_up(running: Running, jobs: int) -> None:
    """Let both workers come up and see code and connections once, uncounted."""
    await running.submit(jobs)
    await _until_done(running, jobs)
    await _settle(running)
    await running.submit(jobs)
    await _until_done(running, 2 * jobs)
    await _settle(running)


async def _submitted(running: Running, jobs: int) -> tuple[float, float]:
    before_s = running.cpu_s() + running.client_cpu_s()
    seconds = await running.submit(jobs)
    return seconds, running.cpu_s() + running.client_cpu_s() - before_s


async def drained(running: Running, jobs: int) -> Drain:
    """Let the workers go and see all the waiting jobs end; measure all but the first of them.

    Raises `ValueError` when they were over before they could be measured.
    """
    before = await running.done()
    running.go()
    measured_from = await _until_done(running, before + int(jobs * _UNMEASURED))
    cpu_s, began = running.cpu_s(), time.perf_counter()
    measured_to = await _until_done(running, before + jobs)
    seconds, used_s = time.perf_counter() - began, running.cpu_s() - cpu_s
    measured = measured_to - measured_from
    if not measured:
        raise ValueError(f"{jobs} jobs are too few to be measured; take more with --jobs.")
    return Drain(per_s=measured / seconds, cpu_ms=used_s / measured * 1000)


async def _until_done(running: Running, wanted: int) -> int:
    """Look until so many results are kept, and give their number.

    Looking costs, so it is done no more often than an error of 1 % asks for.
    """
    began = time.perf_counter()
    async with asyncio.timeout(_GRACE_S + wanted / _LEAST_PER_S):
        while (done := await running.done()) < wanted:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(max(_LOOK_EVERY_S, (time.perf_counter() - began) / 100))
    return done


async def _settle(running: Running) -> None:
    """Wait until hardly any CPU is used: nothing is imported or compiled any more."""
    used_s = running.cpu_s()
    async with asyncio.timeout(_SETTLE_WITHIN_S):
        while True:
            await asyncio.sleep(1)
            before_s, used_s = used_s, running.cpu_s()
            if used_s - before_s < _SETTLED_CPU_S:
                return
