"""A way of connecting that goes to addresses which were judged before, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import httpcore2

from imagemill.egress.addresses import Address


class Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to one of some addresses, whatever name the client asks for.

    The name goes on in `Host` and in TLS only. So what was judged is what is connected to, however
    often a name server changes its mind.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        """Try `addresses` in this order."""
        self._addresses = addresses
        self._ways = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers; each has its part of the time."""
        each_s = None if timeout is None else timeout / len(self._addresses)
        last: Exception | None = None
        for address in self._addresses:
            try:
                return await self._ways.connect_tcp(
                    str(address), port, each_s, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last or httpcore2.ConnectError("There is no address to connect to.")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no URL leads to a file."""
        raise httpcore2.ConnectError("Sockets that are files are not connected to.")

    async def sleep(self, seconds: float) -> None:
        """Pause between tries, of which there are none."""
        await self._ways.sleep(seconds)
