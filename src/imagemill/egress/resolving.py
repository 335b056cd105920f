"""Names into addresses, asked of the machine's own resolver without holding the event loop up."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

from imagemill.egress.addresses import Address, read

Resolver = Callable[[str], Awaitable[list[Address]]]
"""Gives every address of a name, in the order to try them in; raises `OSError` for none."""


class SystemResolver:
    """A `Resolver` over `getaddrinfo`, one thread to a question.

    A question that nobody answers holds its thread for as long as the machine's resolver is set to
    wait, which nothing can shorten. So the threads are of a number of their own, that other work
    does not wait for, and are left behind when the process ends.
    """

    def __init__(self, most: int = 32) -> None:
        """Ask `most` questions at once; more wait."""
        self._free = asyncio.Semaphore(most)

    async def __call__(self, name: str) -> list[Address]:
        """Look a name up once; raises `OSError`."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()
        thread = threading.Thread(target=self._ask, args=(name, loop, answer), daemon=True)
        thread.start()
        return await answer

    def _ask(
        self, name: str, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[Address]]
    ) -> None:
        found: list[Address] | OSError
        try:
            found = _addresses(name)
        except OSError as error:
            found = error
        except UnicodeError as error:  # Of a label that the codec of names does not take.
            found = OSError(str(error))
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._told, answer, found)

    def _told(self, answer: asyncio.Future[list[Address]], found: list[Address] | OSError) -> None:
        self._free.release()
        if answer.cancelled():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)


def _addresses(name: str) -> list[Address]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(read(str(each[4][0])) for each in found))
