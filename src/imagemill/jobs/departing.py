"""An account that is gone: its jobs end, and all that is kept of it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imagemill.database import Connection, Database
from imagemill.jobs.bells import Bells
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import Ledger
from imagemill.jobs.records import expiry, jobs

_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Departing:
    """Forget owners. What is cut is done when it is asked for again, and twice does no harm."""

    database: Database
    ledger: Ledger
    bells: Bells

    async def forget(self, owner: str) -> None:
        """Cancel an owner's jobs, then forget them with their results, batches and presets.

        Objects of results that nobody else has are removed by the sweep.
        """
        while cancelled := await self.database.run(lambda each: self._cancel(each, owner)):
            for job in cancelled:
                self.bells.ended(job)
        while await self.database.run(lambda each: _some(each, owner)):
            pass
        while await self.database.run(
            lambda each: expiry.forget_rest_of(each, owner, _MOST_AT_ONCE)
        ):
            pass

    def _cancel(self, connection: Connection, owner: str) -> list[Job]:
        found = jobs.unfinished_of(connection, owner, _MOST_AT_ONCE)
        return [self.ledger.cancel(connection, each, owner) for each in found]


def _some(connection: Connection, owner: str) -> bool:
    return expiry.forget_some_of(connection, owner, connection.now(), _MOST_AT_ONCE)
