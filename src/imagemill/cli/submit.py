"""`imagemill submit`: send files to a server as jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagemill.cli import options, screen, terms
from imagemill.cli.wishes import Wishes

if TYPE_CHECKING:
    from imagemill.cli.errands import Outcome


def submit(  # noqa: PLR0913 - each option is an argument
    files: options.Files,
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
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the jobs live and fetch their results.")
    ] = False,
    output: options.Output = Path("out"),
    overwrite: options.Overwrite = False,
    fresh: options.Fresh = False,
    priority: terms.Priority = None,
    retries: terms.Retries = None,
    timeout: terms.Timeout = None,
    deadline: terms.Deadline = None,
    parallel: options.Parallel = 8,
    as_json: options.AsJSON = False,
) -> None:
    """Send pictures to a server, one job each."""
    from imagemill.cli import report
    from imagemill.cli.errands import Runner
    from imagemill.cli.plan import plan
    from imagemill.cli.remote import remote

    wishes = Wishes(crop, rotate, resize, fit, step or (), output_format, quality, pipeline)
    asked = terms.terms_of(priority, retries, timeout, deadline)
    planned = plan(files, wishes, output, overwrite=overwrite or not follow, strict=False)

    async def work() -> list[Outcome]:
        async with remote(server, key) as client:
            with screen.bar("Sending", len(planned.errands)) as move:
                runner = Runner(
                    client,
                    planned.outputs,
                    overwrite=overwrite,
                    fresh=fresh,
                    follow=follow,
                    terms=asked,
                    tell=lambda source, word, part: move(str(source), word, part),
                )
                return await runner.run(
                    planned.errands,
                    at_once=parallel,
                    done=lambda each: move(str(each.source), each.code or "done", 1.0),
                )

    outcomes = [*planned.refused, *asyncio.run(work())]
    show = report.show if follow else report.show_promises
    raise typer.Exit(show(outcomes, as_json=as_json))
