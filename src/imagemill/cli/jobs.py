"""`imagemill jobs`: list the jobs of a server, the newest first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from imagemill.cli import options, screen
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Job

_COLUMNS = (
    Column("job"),
    Column("status"),
    Column("created"),
    Column("ms", is_number=True),
    Column("outputs", is_number=True),
    Column("why"),
)
_STATUSES = ("queued", "processing", "completed", "failed", "cancelled")


def jobs(
    *,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help=f"Only those: {', '.join(_STATUSES)}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List jobs, the newest first."""
    from imagemill.cli.remote import remote
    from imagemill.client import Status

    if status not in {None, *_STATUSES}:
        raise typer.BadParameter(f"{status} is none; there are {', '.join(_STATUSES)}.")

    async def work() -> list[Job]:
        async with remote(server, key) as client:
            wanted = Status(status) if status else None
            return [each async for each in client.jobs(status=wanted, limit=limit)]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no such jobs.")


def _row(job: Job) -> tuple[str, ...]:
    return (
        job.job_id,
        str(job.status),
        screen.moment(job.created_at),
        _took(job),
        str(len(job.outputs) or ""),
        job.error.code if job.error else "",
    )


def _took(job: Job) -> str:
    if job.cached:
        return "stored"
    if job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.created_at).total_seconds() * 1000:.0f}"
