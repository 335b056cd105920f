"""A program that sends by a gateway: its arguments and its answer are JSON.

It is a program so that a test can give it an environment of its own, with a proxy in it.
"""

from __future__ import annotations

import asyncio
import json
import sys

from imagemill.notifier.channels.apprise import Gateway, Limits
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.texts import Said


async def main(orders: list[dict[str, str]]) -> list[str | None]:
    """Send each order and give the reason why it was refused, or None."""
    answers: list[str | None] = []
    for order in orders:
        gateway = Gateway.opened(order["channel"], order["url"], Limits())
        verdict = await gateway.send(order["to"], Said(order["title"], order["text"]))
        gateway.close()
        answers.append(_told(verdict))
    return answers


def _told(verdict: Verdict | None) -> str | None:
    return (
        None if verdict is None else f"{verdict.reason} {'never' if verdict.is_final else 'again'}"
    )


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))  # noqa: T201 - its answer
