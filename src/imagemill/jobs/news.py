"""Wake whoever waits for something to happen to a job."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

ANY = ""
"""The bell that rings for every job."""


class News:
    """One bell for each job that somebody waits for; it rings once and is then another bell.

    What other processes do may go unheard: who waits looks again from time to time.
    """

    def __init__(self) -> None:
        self._bells: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self.is_over = False
        """Whether this process ends, so that nobody should wait any longer."""

    def of(self, job_id: str) -> asyncio.Event:
        """Give the bell of a job; take it before looking, so that nothing is missed between."""
        bell = self._bells.get(job_id)
        if bell is None:
            bell = self._bells[job_id] = asyncio.Event()
        if self.is_over:
            bell.set()
        return bell

    def tell(self, job_id: str) -> None:
        """Ring for a job to which something happened."""
        for name in (job_id, ANY):
            if bell := self._bells.pop(name, None):
                bell.set()

    def tell_all(self) -> None:
        """Ring for everybody who waits now."""
        for job_id in list(self._bells):
            self.tell(job_id)

    def end(self) -> None:
        """Ring for everybody, now and from now on."""
        self.is_over = True
        self.tell_all()
