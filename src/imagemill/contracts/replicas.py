"""A service that runs several times: its addresses in turn, each behind a breaker of its own.

An address that is dead is passed over at once. A request of which nothing was sent goes to the
next one; one that was sent, and got no answer, only where doing it twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, TypeVar

import stamina

from imagemill.contracts.keyed import is_keyed
from imagemill.contracts.remote import Remote, is_unanswered, is_unsent
from imagemill.contracts.transport import Call, Receive, Reply, Scope, Send
from imagemill.errors import NotAsked, Unavailable

T = TypeVar("T")

_ROUNDS: Final = 3
_ROUNDS_S: Final = 2.0
"""Time for all rounds together, as for the tries at a single address."""
_KEPT_BYTES: Final = 65_536
"""What is kept of a body so that it can be sent again; a request for work is far smaller."""
_READING: Final = frozenset({"GET", "HEAD"})
_KEY: Final = b"idempotency-key"


class Replicas:
    """A `Transport` to one service at several addresses."""

    def __init__(self, remotes: Sequence[Remote]) -> None:
        """Ask these in turn; each tries once, for another is there to go on with."""
        self._remotes = tuple(remotes)
        self._next = 0

    async def send(self, call: Call) -> Reply:
        """Send the call to one of them; raises `NotAsked` while all are left alone."""
        is_repeatable = call.is_repeatable and isinstance(call.body, bytes)
        return await self._asked(lambda each: each.send(call), lambda: is_repeatable)

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the request to one of them and the answer back; raises as `send` does."""
        passing = _Passing(receive, send)
        is_once = _is_once(scope)

        def may_repeat() -> bool:
            return is_once and not passing.has_begun

        async def forward(remote: Remote) -> None:
            await remote.forward(scope, passing.again(), passing.send)

        await self._asked(forward, may_repeat, passing)

    async def _asked(
        self,
        ask: Callable[[Remote], Awaitable[T]],
        may_repeat: Callable[[], bool],
        passing: _Passing | None = None,
    ) -> T:
        """Ask one after the other; begin anew, after a pause, while none of them can be reached."""
        rounds = stamina.retry_context(
            on=self._may_begin_anew,
            attempts=_ROUNDS,
            timeout=_ROUNDS_S,
            wait_initial=0.4,
            wait_max=1.0,
            wait_jitter=0.2,
        )
        async for attempt in rounds:
            with attempt:
                return await self._round(ask, may_repeat, passing)
        raise AssertionError

    async def _round(
        self,
        ask: Callable[[Remote], Awaitable[T]],
        may_repeat: Callable[[], bool],
        passing: _Passing | None,
    ) -> T:
        failures: dict[Remote, Unavailable] = {}
        for remote in self._in_turn():
            try:
                return await ask(remote)
            except Unavailable as error:
                failures[remote] = error
                is_safe = _was_nobody_reached(error) or (is_unanswered(error) and may_repeat())
                if not is_safe or (passing is not None and not passing.is_whole):
                    raise
        resting = [each for each, error in failures.items() if isinstance(error, NotAsked)]
        tried = [error for error in failures.values() if not isinstance(error, NotAsked)]
        if tried:  # One has just gone, so those left alone are needed: is one of them back?
            for each in resting:
                each.hurry()
        raise next(iter([*tried, *failures.values()]))

    def _may_begin_anew(self, error: Exception) -> bool:
        """Allow it where nobody was reached, or another call finds out whether one is back."""
        is_tried_out = any(each.is_tried_out for each in self._remotes)
        return is_unsent(error) or (isinstance(error, NotAsked) and is_tried_out)

    def _in_turn(self) -> list[Remote]:
        """Begin with the one after the last that was asked first.

        One that is left alone refuses at once, or lets this call find out whether it is back.
        """
        at = self._next % len(self._remotes)
        self._next = at + 1
        return [*self._remotes[at:], *self._remotes[:at]]


class _Passing:
    """A request on its way through, of which the beginning of the body is kept."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._kept: list[MutableMapping[str, Any]] = []
        self._bytes = 0
        self.is_whole = True
        """Whether all that was read is still there."""
        self.has_begun = False
        """Whether the caller got the beginning of an answer."""

    def again(self) -> Receive:
        """Give what reads the request from its beginning."""
        kept = iter(tuple(self._kept))

        async def receive() -> MutableMapping[str, Any]:
            for message in kept:
                return message
            message = await self._receive()
            self._keep(message)
            return message

        return receive

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.has_begun = True
        await self._send(message)

    def _keep(self, message: MutableMapping[str, Any]) -> None:
        self._bytes += len(message.get("body", b""))
        if self._bytes > _KEPT_BYTES:
            self.is_whole = False
            self._kept.clear()
        if self.is_whole:
            self._kept.append(message)


def _is_once(scope: Scope) -> bool:
    """Tell whether a request that is sent twice does what it does once.

    Who sends a key to a route that does not heed it is not helped by that.
    """
    if scope["method"] in _READING:
        return True
    has_key = any(name == _KEY for name, _ in scope["headers"])
    return has_key and is_keyed(scope["method"], scope["path"])


def _was_nobody_reached(error: Exception) -> bool:
    return isinstance(error, NotAsked) or is_unsent(error)
