"""Which idle child serves the next order, and which ones are let go: decisions without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from imagemill.engine.settings import Reuse, SandboxSettings


class Idle(Protocol):
    """What is known of a child between two orders."""

    owner: str | None
    orders: int
    cpu_s: float


Each = TypeVar("Each", bound=Idle)


def pick(idle: Sequence[Each], owner: str) -> Each | None:
    """Choose the child that served this owner last, else a fresh one; None where a fork is due."""
    own = [child for child in idle if child.owner == owner]
    fresh = [child for child in idle if child.owner is None]
    return own[-1] if own else next(iter(fresh), None)


def reusable(child: Idle, settings: SandboxSettings) -> bool:
    """Whether a child that has just answered may take another order of its owner."""
    rested = child.cpu_s + settings.cpu_s < settings.bounds.life_cpu_s
    return settings.reuse is Reuse.OWNER and child.orders < settings.orders_per_child and rested


def surplus(idle: Sequence[Each], settings: SandboxSettings) -> Sequence[Each]:
    """Name the children to let go: of those that have an owner, the longest idle."""
    owned = [child for child in idle if child.owner is not None]
    return owned[: max(0, len(owned) - settings.kept_children)]


def shortage(idle: Sequence[Idle], settings: SandboxSettings) -> int:
    """Count the fresh children to fork ahead."""
    fresh = sum(child.owner is None for child in idle)
    return max(0, settings.spare_children - fresh)
