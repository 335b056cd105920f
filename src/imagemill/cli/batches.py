"""`imagemill batches`: many pictures as one piece of work at a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagemill.cli import options, screen, terms
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column
from imagemill.cli.wishes import Wishes, outputs_of

if TYPE_CHECKING:
    from imagemill.client import Batch, Client, Job, RefusedItem

_COLUMNS = (
    Column("batch"),
    Column("status"),
    Column("made"),
    Column("items", is_number=True),
    Column("completed", is_number=True),
    Column("failed", is_number=True),
    Column("cancelled", is_number=True),
)
_ITEMS = (Column("job"), Column("status"), Column("image"), Column("why"))
_STATUSES = ("queued", "processing", "completed", "failed", "cancelled")

_Id = Annotated[str, typer.Argument(metavar="ID", help="What `submit` answered.")]
_Wait = Annotated[bool, typer.Option("--wait", help="Wait until every item has ended.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `batches`."""
    about = "Work on many pictures as one, and follow them."
    add_group(program, "batches", about, _COMMANDS, colour=colour)


def submit(  # noqa: PLR0913 - each option is an argument
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...", help="Files, folders, or ids of images that were uploaded."
        ),
    ],
    *,
    resize: options.Resize = None,
    fit: options.Fit = None,
    crop: options.Crop = None,
    rotate: options.Rotate = None,
    step: options.Step = None,
    output_format: options.Format = None,
    quality: options.Quality = None,
    pipeline: options.Pipeline = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    wait: _Wait = False,
    fresh: options.Fresh = False,
    priority: terms.Priority = None,
    retries: terms.Retries = None,
    timeout: terms.Timeout = None,
    deadline: terms.Deadline = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The same batch under the same name is made once."),
    ] = None,
    parallel: options.Parallel = 8,
    as_json: options.AsJSON = False,
) -> None:
    """Send pictures, then make one batch of them.

    A file that cannot be sent, or is refused, is told and left out. The exit code is 1 then; with
    --wait, also when not every item was completed.
    """
    from imagemill.cli.loading import images_of, sources_of
    from imagemill.cli.remote import remote

    wishes = Wishes(crop, rotate, resize, fit, step or (), output_format, quality, pipeline)
    outputs, sources = outputs_of(wishes), sources_of(pictures)
    asked = terms.terms_of(priority, retries, timeout, deadline)

    async def work() -> tuple[Batch, int]:
        async with remote(server, key) as client:
            image_ids = await images_of(client, sources, at_once=parallel)
            batch = await client.batches.submit(
                image_ids, outputs, fresh=fresh, terms=asked, idempotency_key=idempotency_key
            )
            left_out = len(sources) - len(image_ids)
            return await (_ended(client, batch.batch_id) if wait else _now(batch)), left_out

    batch, left_out = asyncio.run(work())
    code = _show(batch, as_json=as_json)
    raise typer.Exit(1 if left_out or (wait and code) else 0)


def show_all(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List batches, the newest first."""
    from imagemill.cli.remote import remote

    async def work() -> list[Batch]:
        async with remote(server, key) as client:
            return [each async for each in client.batches.list(limit=limit)]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no batches.")


def show(
    batch_id: _Id,
    *,
    items: Annotated[bool, typer.Option("--items", help="Show every item, too.")] = False,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help=f"Show items of it, too: {', '.join(_STATUSES)}."),
    ] = None,
    wait: _Wait = False,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Show how many items stand where; and the items themselves, if that is asked for.

    The exit code is 1 when the batch has ended and not every item was completed.
    """
    from imagemill.cli.remote import remote
    from imagemill.client import Status

    if status not in {None, *_STATUSES}:
        raise typer.BadParameter(f"{status} is none; there are {', '.join(_STATUSES)}.")

    async def work() -> tuple[Batch, list[Job | RefusedItem] | None]:
        async with remote(server, key) as client:
            batch = await (_ended(client, batch_id) if wait else client.batches.show(batch_id))
            if not items and status is None:
                return batch, None
            only = Status(status) if status else None
            return batch, [each async for each in client.batches.items(batch_id, status=only)]

    batch, found = asyncio.run(work())
    raise typer.Exit(_show(batch, found, as_json=as_json))


def replay(
    batch_id: _Id,
    *,
    wait: _Wait = False,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Do what failed again, as a new batch.

    With --wait the exit code is 1 when not every item was completed this time.
    """
    from imagemill.cli.remote import remote

    async def work() -> Batch:
        async with remote(server, key) as client:
            batch = await client.batches.replay(batch_id)
            return await (_ended(client, batch.batch_id) if wait else _now(batch))

    code = _show(asyncio.run(work()), as_json=as_json)
    raise typer.Exit(code if wait else 0)


def cancel(
    batch_id: _Id,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """End every item that has not ended; what was completed stays."""
    from imagemill.cli.remote import remote

    async def work() -> Batch:
        async with remote(server, key) as client:
            return await client.batches.cancel(batch_id)

    _show(asyncio.run(work()), as_json=as_json)


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "submit": submit,
    "list": show_all,
    "show": show,
    "replay": replay,
    "cancel": cancel,
}


async def _now(batch: Batch) -> Batch:
    return batch


async def _ended(client: Client, batch_id: str) -> Batch:
    seen: list[Batch] = []
    with screen.bar("Working", 1) as move:
        async for batch in client.batches.watch(batch_id):
            ended = batch.completed + batch.failed + batch.cancelled
            move(batch_id, f"{ended} of {batch.total}", ended / batch.total)
            seen = [batch]
    return seen[0]


def _show(batch: Batch, items: list[Job | RefusedItem] | None = None, *, as_json: bool) -> int:
    """Write how a batch stands; gives the exit code: 1 when it ended less than completed."""
    from imagemill.client import BatchStatus

    if as_json:
        told = {} if items is None else {"items": [each.model_dump(mode="json") for each in items]}
        screen.say_json({**batch.model_dump(mode="json"), **told})
    else:
        screen.say(f"batch {batch.batch_id}: {batch.status}, {_counts(batch)}")
        if items:
            screen.table(_ITEMS, [_item(each) for each in items])
    is_good = batch.status in {BatchStatus.COMPLETED, BatchStatus.PROCESSING}
    return 0 if is_good else 1


def _counts(batch: Batch) -> str:
    counted = {
        "completed": batch.completed,
        "failed": batch.failed,
        "cancelled": batch.cancelled,
        "processing": batch.processing,
        "queued": batch.queued,
    }
    parts = [f"{number} {name}" for name, number in counted.items() if number]
    return f"{batch.total} item{'' if batch.total == 1 else 's'}: {', '.join(parts)}"


def _row(batch: Batch) -> tuple[str, ...]:
    return (
        batch.batch_id,
        str(batch.status),
        screen.moment(batch.created_at),
        str(batch.total),
        str(batch.completed),
        str(batch.failed),
        str(batch.cancelled),
    )


def _item(item: Job | RefusedItem) -> tuple[str, ...]:
    from imagemill.client import Job

    if not isinstance(item, Job):
        return ("", "refused", item.name or "", str(item.error.get("code", "")))
    return (
        item.job_id,
        str(item.status),
        item.input.image_id or "",
        item.error.code if item.error else "",
    )
