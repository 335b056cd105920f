"""What a scenario counted, and which of its promises held."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Scale(StrEnum):
    """Say how large a scenario is played."""

    BOUNDED = "bounded"
    """Small enough for every test run."""
    FULL = "full"
    """As large as what is promised; minutes, on a machine that does nothing else."""


class Broken(AssertionError):
    """Tell that a promise did not hold, with everything that was counted."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.title}: {'; '.join(report.broken)}\n{report}")
        self.report = report


@dataclass
class Report:
    """Counts of one scenario, in the order in which they were taken."""

    title: str
    counts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def count(self, what: str, value: object) -> None:
        """Keep a figure, and print it."""
        self.counts[what] = value
        sys.stdout.write(f"  {what}: {value}\n")
        sys.stdout.flush()

    def promise(self, what: str, *, held: bool) -> None:
        """Note whether a promise held; `kept` tells of all that did not at once."""
        if not held:
            self.broken.append(what)

    def none(self, what: str, found: Iterable[object]) -> None:
        """Count things of which there must be none."""
        seen = list(found)
        self.count(what, len(seen))
        self.promise(f"{what}: {len(seen)}, such as {seen[:3]}", held=not seen)

    def kept(self) -> Report:
        """Give the report back; raises `Broken` when a promise did not hold."""
        if self.broken:
            raise Broken(self)
        return self

    def __str__(self) -> str:
        return "\n".join(f"  {what}: {value}" for what, value in self.counts.items())


def percentile(figures: Sequence[float], share: float) -> float:
    """Give the figure that so large a share of all does not exceed; 0 for none."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def milliseconds(seconds: float) -> str:
    """Write a duration for people."""
    return f"{seconds * 1000:.0f} ms"
