"""The load: a fixed number of jobs through a fixed number of lanes, each timed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.pictures import Album, Photo, cycle
from benchmarks.systems import Lane

Job = Callable[[Lane], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Workload:
    """One of the three questions that every system is asked."""

    letter: str
    title: str
    count: int
    """Jobs in one round."""
    jobs: Callable[[Album, Sequence[str], int], Iterator[Job]]
    """The photographs, the photographs that the system keeps, and the number wanted."""
    from_memory: bool = False
    """Whether it needs a system with a memory."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the jobs of one load took."""

    elapsed_s: float
    """From the first job's first byte to the last job's end."""
    waits_s: Sequence[float]
    """From submission to seen as stored, one for each job."""
    generator_cpu_s: float
    """CPU time of this process meanwhile; no part of any system's cost."""


async def drive(lanes: Sequence[Lane], jobs: Iterator[Job]) -> Timing:
    """Let every lane take the next job until none is left."""
    waits_s: list[float] = []
    began, cpu_began = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(_work(lane, jobs, waits_s))
    elapsed_s = time.perf_counter() - began
    return Timing(elapsed_s, waits_s, time.process_time() - cpu_began)


def workloads(share: float) -> tuple[Workload, ...]:
    """Give the three workloads with this share of their usual number of jobs."""
    return (
        Workload("a", "photo to 400x300 JPEG, uploaded", round(220 * share), _shrink),
        Workload("b", "12 MP photo to five renditions, uploaded", round(48 * share), _five),
        Workload("c", "the same again by image id", round(2000 * share), _repeat, from_memory=True),
    )


async def _work(lane: Lane, jobs: Iterator[Job], waits_s: list[float]) -> None:
    for job in jobs:
        began = time.perf_counter()
        await job(lane)
        waits_s.append(time.perf_counter() - began)


def _shrink(album: Album, kept: Sequence[str], count: int) -> Iterator[Job]:
    del kept
    return (_shrinking(photo) for photo in cycle(album.mixed, count))


def _five(album: Album, kept: Sequence[str], count: int) -> Iterator[Job]:
    del kept
    return (_making_five(photo) for photo in cycle(album.large, count))


def _repeat(album: Album, kept: Sequence[str], count: int) -> Iterator[Job]:
    del album
    return (_repeating(kept[number % len(kept)]) for number in range(count))


def _shrinking(photo: Photo) -> Job:
    return lambda lane: lane.shrink(photo)


def _making_five(photo: Photo) -> Job:
    return lambda lane: lane.five(photo)


def _repeating(kept: str) -> Job:
    return lambda lane: lane.repeat(kept)
