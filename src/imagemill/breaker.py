"""A circuit breaker: what failed again and again is left alone for a while, then tried once.

closed     every call goes through; failures in a row are counted
open       no call goes through until a rest is over
half-open  one call, the probe, goes through and decides: closed again, or a longer rest

`let_in` and `settled` decide; `Breaker` remembers what they decided.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, Field

from imagemill.errors import ImagemillError, NotAsked, Timeout, Unavailable

_log = structlog.get_logger(__name__)


class BreakerSettings(BaseModel):
    """When a part is left alone, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: int = Field(
        5, ge=1, le=1000, description="Failures in a row after which a part is left alone."
    )
    rest_s: float = Field(
        5.0, ge=0.05, le=3600, description="Seconds for which it is left alone the first time."
    )
    longest_rest_s: float = Field(
        60.0,
        ge=0.05,
        le=3600,
        description="Seconds to which the rest grows while it goes on failing.",
    )


class State(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(StrEnum):
    """What a call told about the part that was called."""

    ANSWERED = "answered"
    FAILED = "failed"
    NONE = "none"
    """Nothing: it was cancelled, or ended for a reason on the caller's side."""


@dataclass(frozen=True, slots=True)
class Condition:
    """All that a breaker knows between two calls."""

    state: State = State.CLOSED
    failures: int = 0
    """Failures in a row while closed."""
    rest_s: float = 0.0
    """Length of the last rest, before jitter; 0 while closed."""
    until: float = 0.0
    """Open: when the rest is over. Half-open: when the next probe may go if this one is silent."""
    era: int = 0
    """Grows with each change of state, so that a call that began before it decides nothing."""


def let_in(condition: Condition, now: float) -> Condition | None:
    """Decide whether a call may go through; answer the condition with it on its way, or None."""
    if condition.state is State.CLOSED:
        return condition
    if now < condition.until:
        return None
    return replace(
        condition,
        state=State.HALF_OPEN,
        until=now + condition.rest_s,
        era=condition.era + 1,
    )


def settled(
    condition: Condition,
    verdict: Verdict,
    now: float,
    settings: BreakerSettings,
    jitter: Callable[[float], float],
) -> Condition:
    """Decide what a call of this era changes."""
    if condition.state is State.CLOSED:
        return _settled_while_closed(condition, verdict, now, settings, jitter)
    if verdict is Verdict.ANSWERED:
        return Condition(era=condition.era + 1)
    if verdict is Verdict.FAILED:
        rest_s = min(2 * condition.rest_s, settings.longest_rest_s)
        return _opened(condition, rest_s, now + jitter(rest_s))
    return _opened(condition, condition.rest_s, now)


def _settled_while_closed(
    condition: Condition,
    verdict: Verdict,
    now: float,
    settings: BreakerSettings,
    jitter: Callable[[float], float],
) -> Condition:
    if verdict is Verdict.NONE:
        return condition
    if verdict is Verdict.ANSWERED:
        return replace(condition, failures=0)
    if condition.failures + 1 < settings.failures:
        return replace(condition, failures=condition.failures + 1)
    rest_s = min(settings.rest_s, settings.longest_rest_s)
    return _opened(condition, rest_s, now + jitter(rest_s))


def _opened(condition: Condition, rest_s: float, until: float) -> Condition:
    return Condition(State.OPEN, rest_s=rest_s, until=until, era=condition.era + 1)


def verdict_of(error: BaseException | None) -> Verdict:
    """Tell what the end of a call means: a refusal is an answer, a cancelled call is none."""
    if isinstance(error, Unavailable | Timeout):
        return Verdict.FAILED
    if error is None or isinstance(error, ImagemillError):
        return Verdict.ANSWERED
    return Verdict.NONE


@dataclass(frozen=True, slots=True)
class Seen:
    """A breaker as an operator sees it."""

    state: State
    failures: int
    """Calls that failed, since the start."""
    turned_away: int
    """Calls that were refused because it was not closed, since the start."""
    openings: int
    """How often it opened, since the start; a probe that fails opens it once more."""


class Breaker:
    """Guards one part: `with breaker.asking(): ...` round each call of it.

    It belongs to one event loop and never waits.
    """

    def __init__(
        self,
        name: str,
        settings: BreakerSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float], float] = float,
    ) -> None:
        """Guard the part `name`, which reaches callers; `jitter` varies each rest, in seconds."""
        self._name = name
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._condition = Condition()
        self._failures = self._turned_away = self._openings = 0

    @property
    def state(self) -> State:
        """Whether calls go through; a rest that is over is `open` until somebody asks."""
        return self._condition.state

    def seen(self) -> Seen:
        """Tell how it stands."""
        return Seen(self.state, self._failures, self._turned_away, self._openings)

    def asking(self) -> Asked:
        """Let one call through, or raise `NotAsked`.

        The block's end is the call's: `Unavailable` and `Timeout` are failures, every other answer
        of ours, refusals among them, shows that the part is there.
        """
        found = let_in(self._condition, self._clock())
        if found is None:
            self._turned_away += 1
            raise self._not_asked()
        self._condition = found
        return Asked(self, found.era)

    def require(self) -> None:
        """Raise `NotAsked` during a rest; ask nothing."""
        if self.state is State.OPEN and self._clock() < self._condition.until:
            raise self._not_asked()

    def hurry(self) -> None:
        """End a rest now, so that the next call finds out whether the part is back."""
        if self.state is State.OPEN:
            self._condition = replace(self._condition, until=self._clock())

    def settle(self, era: int, verdict: Verdict) -> None:
        """Take the verdict of a call that was let in during `era`."""
        self._failures += verdict is Verdict.FAILED
        before = self._condition
        if era == before.era:
            self._condition = settled(before, verdict, self._clock(), self._settings, self._jitter)
            self._note(before, verdict)

    def _note(self, before: Condition, verdict: Verdict) -> None:
        if self.state is before.state:
            return
        if self.state is State.CLOSED:
            _log.info("breaker_closed", part=self._name)
        elif verdict is Verdict.FAILED:
            self._openings += 1
            _log.warning("breaker_opened", part=self._name, rest_s=self._condition.rest_s)

    def _not_asked(self) -> NotAsked:
        left_s = 1
        if self.state is State.OPEN:
            left_s = max(1, math.ceil(self._condition.until - self._clock()))
        return NotAsked(
            f"A part that is needed ({self._name}) failed again and again and is left alone for "
            f"{left_s} s. Try again then.",
            retry_after_s=left_s,
        )


class Asked:
    """One call that was let through; the first verdict counts, at the latest the block's end."""

    def __init__(self, breaker: Breaker, era: int) -> None:
        """Stand for a call that `breaker` let in during `era`."""
        self._breaker = breaker
        self._era = era
        self._is_settled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.settle(verdict_of(error))

    def settle(self, verdict: Verdict) -> None:
        """Say before the block's end what the call told, such as when a long answer begins."""
        if not self._is_settled:
            self._is_settled = True
            self._breaker.settle(self._era, verdict)

    async def fed_by(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Pass on what the caller sends; an error of the caller's is no verdict on the part."""
        try:
            async for piece in pieces:
                yield piece
        except Exception:
            self.settle(Verdict.NONE)
            raise
