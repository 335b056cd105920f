"""`imagemill job`: look at a job, follow it, end it, fetch its results."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagemill.cli import options, screen
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Client, Job

_COLUMNS = (
    Column("output"),
    Column("format"),
    Column("pixels", is_number=True),
    Column("bytes", is_number=True),
    Column("ms", is_number=True),
    Column("address"),
)


def job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="What `submit` answered.")],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Tell what happens, live, until the job has ended.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End the job; it will have no results.")
    ] = False,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to fetch the results into.")
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJSON = False,
) -> None:
    """Show a job, follow it to its end, or end it.

    The exit code is 1 when the job failed or was cancelled; of --cancel, when it had ended before.
    """
    from imagemill.cli.remote import remote

    if cancel and (follow or output):
        raise typer.BadParameter("stands alone; a job that is ended has nothing to follow.")

    async def work() -> Job:
        async with remote(server, key) as client:
            if cancel:
                return await client.cancel(job_id)
            seen = await (_followed(client, job_id) if follow else client.job(job_id))
            if output:
                await _fetch(client, seen, output, overwrite=overwrite)
            return seen

    code = _show(asyncio.run(work()), as_json=as_json)
    raise typer.Exit(0 if cancel else code)


async def _followed(client: Client, job_id: str) -> Job:
    seen: list[Job] = []
    async for job in client.watch(job_id):
        screen.note(f"{job_id}  {job.status}")
        seen.append(job)
    return seen[-1]


async def _fetch(client: Client, job: Job, folder: Path, *, overwrite: bool) -> None:
    from imagemill.cli.errands import Runner
    from imagemill.cli.files import Target

    runner = Runner(client, {}, overwrite=overwrite)
    for fetched in await runner.fetch(job, Target(folder, job.job_id)):
        screen.note(f"wrote  {fetched.path}")


def _show(job: Job, *, as_json: bool) -> int:
    from imagemill.client import Status

    if as_json:
        screen.say_json(job.model_dump(mode="json"))
    else:
        screen.say(f"job {job.job_id}: {job.status}{' (stored)' if job.cached else ''}")
        if job.outputs:
            screen.table(_COLUMNS, _rows(job))
        if job.error:
            screen.note(f"{job.error.code}: {job.error.detail}")
    return 1 if job.status in {Status.FAILED, Status.CANCELLED} else 0


def _rows(job: Job) -> list[tuple[str, ...]]:
    return [
        (
            name,
            output.format,
            f"{output.width} × {output.height}" if output.width else "",
            str(output.size_bytes),
            "stored" if output.cached else f"{output.milliseconds or 0:.0f}",
            output.url,
        )
        for name, output in job.outputs.items()
    ]
