"""`imagemill process`: work on files and folders without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imagemill.cli import options, screen
from imagemill.cli.wishes import Wishes

if TYPE_CHECKING:
    from imagemill.cli.errands import Outcome
    from imagemill.cli.plan import Plan


def process(  # noqa: PLR0913 - each option is an argument
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
    output: options.Output = Path("out"),
    overwrite: options.Overwrite = False,
    fresh: options.Fresh = False,
    data: options.Data = None,
    parallel: options.Parallel = options.PARALLEL,
    as_json: options.AsJSON = False,
) -> None:
    """Work on pictures without a server.

    The same jobs, queue and sandbox run in this process, and nothing listens.

    Steps happen in this order: crop, rotate, resize, each --step, then the encoding. With --data
    the work is remembered, so that the same work is not done twice.
    """
    from imagemill.cli import report
    from imagemill.cli.plan import plan

    wishes = Wishes(crop, rotate, resize, fit, step or (), output_format, quality, pipeline)
    planned = plan(files, wishes, output, overwrite=overwrite)
    done = asyncio.run(_work(planned, data, parallel, overwrite=overwrite, fresh=fresh))
    raise typer.Exit(report.show([*planned.refused, *done], as_json=as_json))


async def _work(
    planned: Plan, data: Path | None, parallel: int, *, overwrite: bool, fresh: bool
) -> list[Outcome]:
    from imagemill.cli.errands import Runner
    from imagemill.cli.inside import inside

    if not planned.errands:
        return []
    with screen.bar("Processing", len(planned.errands)) as move:
        async with inside(data) as client:
            runner = Runner(
                client,
                planned.outputs,
                overwrite=overwrite,
                fresh=fresh,
                tell=lambda source, word, part: move(str(source), word, part),
            )
            return await runner.run(
                planned.errands,
                at_once=parallel,
                done=lambda each: move(str(each.source), each.code or "done", 1.0),
            )
