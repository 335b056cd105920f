"""An event loop for programs that have none: it runs when something is asked, and then rests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, TypeVar

_Each = TypeVar("_Each")


class Loop:
    """Drive asynchronous calls from ordinary code, one at a time, in one thread."""

    def __init__(self) -> None:
        """Start nothing; the event loop is made by the first call."""
        self._runner = asyncio.Runner()

    def run(self, call: Coroutine[Any, Any, _Each]) -> _Each:
        """Give what a call gives, after waiting for it."""
        return self._runner.run(call)

    def each(self, arriving: AsyncGenerator[_Each, None]) -> Iterator[_Each]:
        """Give one after the other what arrives, waiting for each."""
        try:
            while (one := self.run(_next(arriving))) is not None:
                yield one
        finally:
            self.run(arriving.aclose())

    def close(self) -> None:
        """Close the event loop; it cannot be used afterwards."""
        self._runner.close()


async def _next(arriving: AsyncGenerator[_Each, None]) -> _Each | None:
    return await anext(arriving, None)
