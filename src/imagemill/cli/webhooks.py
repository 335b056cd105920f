"""`imagemill webhooks`: URLs that a server tells of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagemill.cli import options, screen
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Client, Delivery, DeliveryDetails, NewWebhook, Webhook

_COLUMNS: Final = (
    Column("webhook"),
    Column("state"),
    Column("events"),
    Column("url"),
    Column("what it is for"),
)
_DELIVERIES: Final = (
    Column("delivery"),
    Column("event"),
    Column("status"),
    Column("tries", is_number=True),
    Column("made"),
    Column("why not"),
)
_STATUSES: Final = ("owed", "delivered", "failed")
_LOOK_EVERY_S: Final = 0.2
_WAIT_S: Final = 15.0
"""How long a test waits for the first try; a server gives a receiver 10 s."""

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the webhook.")]
Target = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the webhook, or jobs for URLs of jobs.")
]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `webhooks`."""
    about = "Have a server tell your programs what happened."
    add_group(program, "webhooks", about, _COMMANDS, colour=colour)


def show_all(
    *,
    limit: options.Limit = 100,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List your webhooks, the newest first."""
    from imagemill.cli.remote import remote

    async def work() -> list[Webhook]:
        async with remote(server, key) as client:
            return [each async for each in client.webhooks.list(limit=limit)]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no webhooks.")


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to tell.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", "-e", metavar="TYPE", help="Only this type; may be repeated."),
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Make a webhook, and print its secret, which is not shown again."""
    from imagemill.cli.remote import remote

    async def work() -> NewWebhook:
        async with remote(server, key) as client:
            return await client.webhooks.add(url, event or ["*"], description=description)

    made = asyncio.run(work())
    if as_json:
        screen.say_json(made.model_dump(mode="json"))
    else:
        screen.say(f"webhook {made.webhook_id}: made")
        screen.say(f"secret {made.secret}")
        screen.note("Keep the secret: it is not shown again.")


def remove(
    webhook_id: Id,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Remove a webhook with its deliveries."""
    from imagemill.cli.remote import remote

    async def work() -> None:
        async with remote(server, key) as client:
            await client.webhooks.remove(webhook_id)

    asyncio.run(work())
    screen.say(f"webhook {webhook_id}: removed")


def ping(
    webhook_id: Id,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Send a webhook a ping, and tell what came of the first try.

    The exit code is 1 when the receiver did not take it.
    """
    from imagemill.cli.remote import remote

    async def work() -> DeliveryDetails:
        async with remote(server, key) as client:
            owed = await client.webhooks.test(webhook_id)
            return await _tried(client, webhook_id, owed.delivery_id)

    found = asyncio.run(work())
    if as_json:
        screen.say_json(found.model_dump(mode="json"))
    else:
        screen.say(f"delivery {found.delivery_id}: {_ended(found)}")
    raise typer.Exit(0 if found.status == "delivered" else 1)


def deliveries(
    webhook_id: Target,
    *,
    status: Annotated[
        str, typer.Option(metavar="STATUS", help=f"Only those: {', '.join(_STATUSES)}.")
    ] = "",
    event: Annotated[str, typer.Option(metavar="TYPE", help="Only of this type of event.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List what was delivered, could not be, or is owed; the newest first."""
    from imagemill.cli.remote import remote

    if status not in {"", *_STATUSES}:
        raise typer.BadParameter(f"{status} is none; there are {', '.join(_STATUSES)}.")

    async def work() -> list[Delivery]:
        async with remote(server, key) as client:
            found = client.webhooks.deliveries(webhook_id, status=status, event=event, limit=limit)
            return [each async for each in found]

    found = asyncio.run(work())
    rows = [(each, _delivered(each)) for each in found]
    screen.listing(_DELIVERIES, rows, as_json=as_json, none="There are no such deliveries.")


def redeliver(
    webhook_id: Target,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[DELIVERY]...", help="Which to deliver again.")
    ] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(help="Only those made from this time on, as clocks here show."),
    ] = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Deliver again, under the same ids: the deliveries that are named, or all that failed."""
    from imagemill.cli.remote import remote

    _refuse_both(ids, since, failed=failed)

    async def work() -> int:
        async with remote(server, key) as client:
            if failed:
                return await client.webhooks.redeliver_failed(webhook_id, since=since)
            for each in ids or ():
                await client.webhooks.redeliver(webhook_id, each)
            return len(ids or ())

    screen.say(f"{asyncio.run(work())} to be delivered again")


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "add": add,
    "remove": remove,
    "test": ping,
    "deliveries": deliveries,
    "redeliver": redeliver,
}


def _refuse_both(ids: Sequence[str] | None, since: datetime | None, *, failed: bool) -> None:
    if bool(ids) == failed:
        raise typer.BadParameter("Name the deliveries, or say --failed.")
    if ids and since:
        raise typer.BadParameter("--since goes with --failed; the deliveries are named already.")


async def _tried(client: Client, webhook_id: str, delivery_id: str) -> DeliveryDetails:
    """Look until a delivery was tried, or it takes too long."""
    until = time.monotonic() + _WAIT_S
    while True:
        found = await client.webhooks.delivery(webhook_id, delivery_id)
        if found.attempts or time.monotonic() > until:
            return found
        await asyncio.sleep(_LOOK_EVERY_S)


def _ended(found: DeliveryDetails) -> str:
    if not found.attempts:
        return "not tried yet"
    last = found.attempts[-1]
    return last.reason or f"delivered in {last.milliseconds:.0f} ms, status {last.status}"


def _row(webhook: Webhook) -> tuple[str, ...]:
    well = "failing" if webhook.failing_since else "well"
    return (
        webhook.webhook_id,
        well if webhook.enabled else "disabled",
        ", ".join(webhook.events),
        webhook.url,
        webhook.description,
    )


def _delivered(delivery: Delivery) -> tuple[str, ...]:
    return (
        delivery.delivery_id,
        delivery.event,
        delivery.status,
        str(delivery.tries),
        screen.moment(delivery.created_at),
        delivery.reason or "",
    )
