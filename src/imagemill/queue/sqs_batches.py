"""Calls of SQS that take ten messages at once, made of many calls that have one each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from imagemill.errors import Unavailable

MOST: Final = 10
"""Messages that one call may have."""
_MOST_BYTES: Final = 256 << 10
"""Bytes that all messages of one call may have."""
_TRIES: Final = 3
_PAUSE_S: Final = 0.2
_GONE: Final = ("ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue")
"""What SQS says of a message whose lease has ended; then there is nothing to be told of it."""

Entry = dict[str, Any]
Send = Callable[[Sequence[Entry]], Awaitable[Any]]
"""Makes one call with these entries, and gives what SQS answered."""


def batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Part bodies into groups that one call may have."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == MOST or size + len(body) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


async def send_all(send: Send, entries: Sequence[Entry]) -> None:
    """Make a call, and again with what failed of it; raises `Unavailable` if some still does.

    A call succeeds or fails for each entry by itself.
    """
    left = [{**entry, "Id": str(number)} for number, entry in enumerate(entries)]
    failed: Sequence[Any] = ()
    for attempt in range(_TRIES):
        answer = await send(left)
        failed = [each for each in answer.get("Failed", ()) if not _is_gone(each)]
        numbers = {each["Id"] for each in failed}
        left = [each for each in left if each["Id"] in numbers]
        if not left:
            return
        await asyncio.sleep(_PAUSE_S * (attempt + 1))
    said = f"{failed[0].get('Code')}: {failed[0].get('Message')}"
    raise Unavailable(f"SQS did not take {len(left)} of {len(entries)} messages: {said}.")


@dataclass(eq=False)
class Gathering:
    """Sends one entry for each who asks, together with those of others who ask meanwhile."""

    send: Send
    _waiting: list[tuple[Entry, asyncio.Future[None]]] = field(default_factory=list)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def put(self, entry: Entry) -> None:
        """Send an entry; raises `Unavailable` when SQS could not be told."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, sent))
        await asyncio.sleep(0)  # Whoever asks at this moment comes along.
        while not sent.done():
            async with self._sending:
                if not sent.done():
                    await self._send_some()
        sent.result()

    async def _send_some(self) -> None:
        some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            await send_all(self.send, [entry for entry, _ in some])
        except BaseException as error:
            for _, sent in some:
                if not sent.done():
                    sent.set_exception(Unavailable(str(error) or type(error).__name__))
                    sent.exception()  # Whoever was cancelled meanwhile reads it no more.
            raise
        for _, sent in some:
            if not sent.done():
                sent.set_result(None)


def _is_gone(failed: Any) -> bool:  # noqa: ANN401 - what SQS says, as it says it
    return str(failed.get("Code", "")).rpartition(".")[2] in _GONE
