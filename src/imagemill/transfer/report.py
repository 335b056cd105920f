"""What a transfer found, did and could not do, in figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from imagemill.backup.records import Named

Tell = Callable[[str, str, float], None]
"""Hears which part is meant, how far it is in words, and as a part of 1."""


class Fault(StrEnum):
    """Why an object is not in the target."""

    MISSING = "missing"
    """The source does not have it."""
    DAMAGED = "damaged"
    """The source's bytes are not those that were written."""
    NOT_KEPT = "not kept"
    """The target gives back other bytes than it was given."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An object that did not move."""

    one: Named
    fault: Fault


@dataclass(frozen=True, slots=True)
class Moved:
    """One kind of thing that moves."""

    what: str
    count: int
    size_bytes: int | None = None
    """None for rows."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a transfer stands."""

    moved: tuple[Moved, ...]
    """What the source holds of each kind."""
    broken: tuple[Broken, ...] = ()
    unnamed: tuple[str, ...] = ()
    """Objects of the source that no row names, as `bucket/key`; they were left there."""
    obstacles: tuple[str, ...] = ()
    """Why nothing can be moved; only of a survey, for a transfer raises them."""
    was_finished_at: float | None = None
    """When an earlier run had moved all, in seconds since 1970; then this one did nothing."""

    @property
    def lost(self) -> tuple[Broken, ...]:
        """Objects that cannot be made again: results can."""
        return tuple(each for each in self.broken if each.one.image_id)
