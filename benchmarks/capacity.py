"""Work out what a load needs from what one core was measured to do.

Run as `python -m benchmarks.capacity`. There are two parts. The bill multiplies: jobs in the
busiest hour times what each part of the system spends on a job. The line before the workers is
simulated, for a queue does not multiply: arrivals at random, service times drawn from the measured
ones, and the number of cores is the smallest with which 95 of 100 jobs begin as soon as asked for.

The measured figures stand in `MEASURED`; `docs/scaling.md` says where each is from.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_DAY_S: Final = 86_400
_JOBS: Final = 60_000
"""Simulated arrivals: enough that the 95th hundredth is steady to a few hundredths of a second."""
_BUSIEST: Final = 0.9
"""Share of the workers' time that the busiest hour may take: at a high rate the simulated stretch
is seconds long, and a line that grows slowly for an hour would not be seen in it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one job takes, measured on one core of the machine named in `docs/scaling.md`."""

    pixels_ms: Sequence[float]
    """CPU of the worker and its children: for photographs of 3 to 12 megapixels, one output."""
    gateway_ms: float
    uploads_ms: float
    jobs_ms: float
    others_ms: float
    """CPU of users and notifier."""
    servers_ms: float
    """CPU of the database, the broker and the object storage together, and of the kernel."""
    original_mb: float
    result_mb: float
    messages: float
    """Messages through the broker."""
    requests: float
    """Requests to the object storage: the original in and out, and the result in."""
    jobs_a_second: float
    """Jobs that one jobs database in PostgreSQL takes from the claim to the end."""

    @property
    def mean_pixels_ms(self) -> float:
        """The mean of the workers' share."""
        return sum(self.pixels_ms) / len(self.pixels_ms)


@dataclass(frozen=True, slots=True)
class Load:
    """How much comes, and how soon it is to begin."""

    images_a_day: int
    peak: float
    """The busiest hour's rate, as a multiple of the mean."""
    begins_within_s: float
    """For 95 of 100 jobs of the busiest hour."""

    @property
    def rate(self) -> float:
        """Jobs a second in the busiest hour."""
        return self.images_a_day / _DAY_S * self.peak


MEASURED: Final = Costs(
    pixels_ms=(19.2, 20.5, 24.5, 25.2, 27.1, 32.0, 39.2, 52.1, 62.5, 78.2, 78.2),
    gateway_ms=4.1,
    uploads_ms=16.4,
    jobs_ms=15.1,
    others_ms=1.9,
    servers_ms=27.9,
    original_mb=2.13,
    result_mb=0.02,
    messages=1,
    requests=3,
    jobs_a_second=239,
)
"""Of 25 November 2026; the workers' 41.7 ms are shared out to the photographs by their pixels."""


def main(argv: Sequence[str]) -> int:
    """Print what the loads need."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--images-a-day", type=int, nargs="+", default=[1_000_000, 100_000_000])
    parser.add_argument("--peak", type=float, default=3.0, help="busiest hour over mean")
    parser.add_argument("--begins-within-s", type=float, default=1.0)
    asked = parser.parse_args(argv)
    for images in asked.images_a_day:
        load = Load(images, asked.peak, asked.begins_within_s)
        sys.stdout.write("\n".join(bill(MEASURED, load)) + "\n\n")
    return 0


def bill(costs: Costs, load: Load) -> list[str]:
    """Work out what a load needs, as the rows of a table."""
    rate, cores = load.rate, cores_for(costs.pixels_ms, load)
    services = (
        ("gateways", costs.gateway_ms),
        ("uploads", costs.uploads_ms),
        ("jobs", costs.jobs_ms),
        ("users and notifier", costs.others_ms),
        ("database, broker, storage", costs.servers_ms),
    )
    return [
        f"| {load.images_a_day:,} images a day, peak {load.peak:g} times the mean | |",
        "|---|--:|",
        f"| jobs a second in the busiest hour | {rate:,.0f} |",
        f"| workers' cores | {cores:,} |",
        f"| busy in the busiest hour, % | {100 * rate * costs.mean_pixels_ms / 1000 / cores:.0f} |",
        *(f"| cores of {name} | {rate * ms / 1000:.1f} |" for name, ms in services),
        f"| jobs databases, one writer each | {math.ceil(rate / costs.jobs_a_second):,} |",
        f"| messages a second | {rate * costs.messages:,.0f} |",
        f"| requests to the storage a second | {rate * costs.requests:,.0f} |",
        f"| in, Gbit/s | {rate * costs.original_mb * 8 / 1000:.2f} |",
        f"| kept a day, TB | {_kept_tb(costs, load):.2f} |",
    ]


def cores_for(service_ms: Sequence[float], load: Load) -> int:
    """Find the fewest cores with which 95 of 100 jobs begin in time, `_BUSIEST` at most."""
    offered = load.rate * sum(service_ms) / len(service_ms) / 1000
    low, high = math.ceil(offered / _BUSIEST), math.ceil(offered * 2) + 2
    while low < high:
        middle = (low + high) // 2
        if wait_s(service_ms, load.rate, middle) <= load.begins_within_s:
            high = middle
        else:
            low = middle + 1
    return low


def wait_s(service_ms: Sequence[float], rate: float, cores: int, *, seed: int = 1) -> float:
    """Simulate one line before some cores; give the wait that 95 of 100 jobs do not exceed."""
    chance = random.Random(seed)
    free, now, waits = [0.0] * cores, 0.0, []
    for _ in range(_JOBS):
        now += chance.expovariate(rate)
        begins = max(now, heapq.heappop(free))
        waits.append(begins - now)
        heapq.heappush(free, begins + chance.choice(service_ms) / 1000)
    return sorted(waits)[int(0.95 * len(waits))]


def _kept_tb(costs: Costs, load: Load) -> float:
    return load.images_a_day * (costs.original_mb + costs.result_mb) / 1_000_000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
