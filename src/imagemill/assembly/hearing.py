"""What other processes did to a database rings the bells of the service that has it here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, cast

from imagemill.database import Database


def hearing(
    database: Database, ring: Callable[[str], None]
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Make the loop that rings for every topic that other processes tell."""

    async def hear() -> None:
        async with aclosing(cast("Any", database.heard())) as topics:
            async for topic in topics:
                ring(topic)

    return hear
