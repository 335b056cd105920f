"""Batches at the server: many jobs made by one request, followed as one."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from imagemill.client.answers import (
    Job,
    Status,
)
from imagemill.client.batch_answers import (
    Batch,
    BatchItemList,
    BatchList,
    RefusedItem,
)
from imagemill.client.connection import Connection, Request
from imagemill.client.patience import poll_pause_s
from imagemill.client.problems import StillWorkingError
from imagemill.client.terms import Outputs, Terms, named

_PATH = "/api/v1/batches"
_LONGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One image of a batch, with outputs of its own."""

    image_id: str
    outputs: Outputs | None = None
    """None for those of the batch."""

    def order(self) -> dict[str, Any]:
        """Give the item as the server reads it."""
        own = {} if self.outputs is None else {"outputs": self.outputs}
        return {"input": {"image_id": self.image_id}, **own}


class Batches:
    """Make one caller's batches, and follow them."""

    def __init__(self, connection: Connection) -> None:
        """Remember whom to ask."""
        self._connection = connection

    async def submit(
        self,
        items: Iterable[str | BatchItem],
        outputs: Outputs | None = None,
        *,
        fresh: bool = False,
        terms: Terms | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Ask for outputs of up to 10,000 images, named by their ids: all are taken on, or none.

        `outputs` are for every item that names none of its own. The same batch under the same
        `idempotency_key` is made once, however often it is sent in 24 hours.
        """
        named_items = (BatchItem(each) if isinstance(each, str) else each for each in items)
        order = {
            "items": [each.order() for each in named_items],
            "fresh": fresh,
            **({} if outputs is None else {"outputs": outputs}),
            **(terms or Terms()).fields(),
        }
        request = Request("POST", _PATH, json=order, headers=named(idempotency_key))
        return await self._connection.ask(Batch, request)

    async def list(self, *, limit: int | None = None) -> AsyncGenerator[Batch, None]:
        """Give your batches, the newest first, asking for more as you go on; at most `limit`.

        Running jobs are counted as queued here; `show` tells them apart.
        """
        left = math.inf if limit is None else limit
        query: dict[str, str] = {}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(BatchList, Request("GET", _PATH, query=query))
            for batch in page.batches:
                yield batch
            if page.next is None:
                return
            left -= len(page.batches)
            query["cursor"] = page.next

    async def show(self, batch_id: str) -> Batch:
        """Look at how many items stand where."""
        return await self._connection.ask(Batch, Request("GET", f"{_PATH}/{batch_id}"))

    async def items(
        self, batch_id: str, *, status: Status | None = None, limit: int | None = None
    ) -> AsyncGenerator[Job | RefusedItem, None]:
        """Give the items of a batch in order, asking for more as you go on; at most `limit`.

        Of the items that arrive together, those whose picture was refused come last.
        """
        left = math.inf if limit is None else limit
        query = {"status": str(status)} if status else {}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            request = Request("GET", f"{_PATH}/{batch_id}/items", query=query)
            page = await self._connection.ask(BatchItemList, request)
            for job in page.jobs:
                yield job
            for refused in page.refused:
                yield refused
            if page.next is None:
                return
            left -= len(page.jobs) + len(page.refused)
            query["after"] = str(page.next)

    async def replay(self, batch_id: str, *, idempotency_key: str | None = None) -> Batch:
        """Do the failed jobs again, as a new batch that names this one."""
        path = f"{_PATH}/{batch_id}/replay"
        request = Request("POST", path, headers=named(idempotency_key))
        return await self._connection.ask(Batch, request)

    async def cancel(self, batch_id: str) -> Batch:
        """End every job of the batch that has not ended; raises `ProblemError` when all have."""
        return await self._connection.ask(Batch, Request("POST", f"{_PATH}/{batch_id}/cancel"))

    async def watch(self, batch_id: str) -> AsyncGenerator[Batch, None]:
        """Give the batch now and whenever its counts have changed; ends after its end.

        The server is asked, once a second at most: its events would tell of every single job.
        """
        started = time.monotonic()
        seen: Batch | None = None
        while seen is None or not seen.status.is_final:
            batch = await self.show(batch_id)
            if batch != seen:
                yield batch
            seen = batch
            if not batch.status.is_final:
                await self._connection.sleep(poll_pause_s(time.monotonic() - started))

    async def wait(self, batch_id: str, *, timeout_s: float | None = None) -> Batch:
        """Wait until every item has ended, in whatever way: look at its `status`.

        Raises `StillWorkingError` after `timeout_s` seconds; the batch itself goes on.
        """
        try:
            async with asyncio.timeout(timeout_s), aclosing(self.watch(batch_id)) as changes:
                return [each async for each in changes][-1]
        except TimeoutError as error:
            raise StillWorkingError(
                f"Batch {batch_id} did not end within {timeout_s} s; it goes on at the server."
            ) from error
