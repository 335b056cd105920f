"""Rates that go on being counted here while those that are shared do not answer.

Known limits: each gateway starts at nothing when the shared counts are lost, and lets in as many as
the whole installation should; see decision 15.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.breaker import Breaker
from imagemill.errors import Unavailable
from imagemill.rates import Rates, Standing, Window


@dataclass(frozen=True, slots=True)
class MeanwhileRates:
    """`Rates` that never fail: the shared ones, or else this process's own."""

    shared: Rates
    own: Rates
    breaker: Breaker

    async def hit(self, name: str, window: Window) -> Standing:
        """Count where that can be done now."""
        try:
            with self.breaker.asking():
                return await self.shared.hit(name, window)
        except Unavailable:
            return await self.own.hit(name, window)
