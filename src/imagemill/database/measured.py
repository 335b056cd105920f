"""A database whose transactions are measured.

Known limits: those of the database below. What is measured is what a caller waits for: its turn,
the unit itself, and the sync; reading units are not measured.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from imagemill.database import Database, Unit
from imagemill.database.migrations import ALL, Migration, Phase
from imagemill.errors import Unavailable
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.metrics import COMMIT_DURATION, DATABASE_FAILURES

T = TypeVar("T")


class MeasuredDatabase:
    """A `Database` over another one."""

    def __init__(self, database: Database, name: str, meter: Meter) -> None:
        """Tell `meter` what transactions of `database` take, by `name`."""
        self._database = database
        self._name = name
        self._meter = meter

    async def run(self, unit: Unit[T], *, durable: bool = True) -> T:
        """Run it there; what a unit raises was a transaction too."""
        began = time.perf_counter()
        try:
            return await self._database.run(unit, durable=durable)
        except Unavailable:
            self._meter.count(DATABASE_FAILURES, self._name)
            raise
        finally:
            took = time.perf_counter() - began
            self._meter.observe(COMMIT_DURATION, took, self._name)

    async def read(self, unit: Unit[T]) -> T:
        """Run it there."""
        try:
            return await self._database.read(unit)
        except Unavailable:
            self._meter.count(DATABASE_FAILURES, self._name)
            raise

    async def migrate(self, migrations: Sequence[Migration], phase: Phase = ALL) -> None:
        """Migrate it there."""
        await self._database.migrate(migrations, phase)

    def heard(self) -> AsyncIterator[str]:
        """Hear what is heard there."""
        return self._database.heard()

    async def close(self) -> None:
        """Close it there."""
        await self._database.close()
