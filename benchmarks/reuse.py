"""What the sandbox costs beyond pixels, by how long a child lives: `python -m benchmarks.reuse`.

Processor time and not wall-clock time is compared, of all processes together, so that a neighbour's
load moves the figures little. Rounds take turns, and the median of the rounds is told.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagemill.contracts.facts import Limits
from imagemill.engine.orders import RenderOrder
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import Reuse, SandboxSettings

RESIZE = {"op": "resize", "width": 400, "height": 300}
ORDER = RenderOrder(
    limits=Limits(), outputs={"small": [RESIZE, {"op": "convert", "format": "jpeg"}]}
)


@dataclass(frozen=True)
class Case:
    """A way to run the sandbox, and who asks."""

    name: str
    settings: SandboxSettings
    owners: int
    """Owners who take turns."""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time for one order."""

    whole: float
    """Parent, zygote and children together, without starting and stopping."""
    in_child: float
    """What the child counts from order to answer: pixels, mostly."""


CASES = (
    Case("warm, one owner", SandboxSettings(), 1),
    Case("warm, 3 owners in turn", SandboxSettings(), 3),
    Case("warm, 20 owners in turn", SandboxSettings(), 20),
    Case("forked ahead for each order", SandboxSettings(reuse=Reuse.NEVER), 1),
    Case(
        "forked on demand for each order",
        SandboxSettings(reuse=Reuse.NEVER, spare_children=0),
        1,
    ),
)


def main() -> None:
    """Print one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="JPEG files to make small")
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    pictures = sorted(chosen.folder.glob("*.jpg"))
    costs: dict[str, list[Cost]] = {case.name: [] for case in CASES}
    for _ in range(chosen.rounds):
        for case in CASES:
            costs[case.name].append(asyncio.run(measured(case, pictures, chosen.orders)))
    print(f"{'':34}{'whole':>9}{'in child':>10}   ms of processor time for one order")
    for name, rounds in costs.items():
        whole = statistics.median(each.whole for each in rounds)
        in_child = statistics.median(each.in_child for each in rounds)
        print(f"{name:34}{whole:9.1f}{in_child:10.1f}")


async def measured(case: Case, pictures: Sequence[Path], orders: int) -> Cost:
    """Run the orders one by one, and share what they cost beyond an empty run."""
    empty, _ = await _run(case, [], 0)
    used_s, counted_s = await _run(case, pictures, orders)
    return Cost(1000 * (used_s - empty) / orders, 1000 * counted_s / orders)


async def _run(case: Case, pictures: Sequence[Path], orders: int) -> tuple[float, float]:
    before, counted_s = _processor_s(), 0.0
    with _opened(pictures) as files:
        async with Sandbox(case.settings) as sandbox:
            for number in range(orders):
                owner = f"owner {number % case.owners}"
                original = files[number % len(files)]
                with await sandbox.render(original, ORDER, owner=owner, timeout_s=60) as made:
                    counted_s += made.answer.cpu_s
    return _processor_s() - before, counted_s


@contextmanager
def _opened(pictures: Sequence[Path]) -> Iterator[Sequence[int]]:
    with ExitStack() as stack:
        files = [os.open(each, os.O_RDONLY) for each in pictures]
        for each in files:
            stack.callback(os.close, each)
        yield files


def _processor_s() -> float:
    """Count this process and every descendant that has ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


if __name__ == "__main__":
    main()
