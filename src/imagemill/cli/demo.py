"""`imagemill demo`: a system of its own, sample pictures through its HTTP API, and a table."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed

if TYPE_CHECKING:
    from imagemill.cli.errands import Outcome
    from imagemill.client import Client

OUTPUTS: dict[str, list[dict[str, Any]]] = {
    "web": [
        {"op": "resize", "width": 1600, "height": 1600, "fit": "inside"},
        {"op": "convert", "format": "webp", "quality": 80},
    ],
    "card": [
        {"op": "resize", "width": 400, "height": 300, "fit": "cover"},
        {"op": "convert", "format": "jpeg", "quality": 80},
    ],
    "thumb": [
        {"op": "resize", "width": 128, "height": 128, "fit": "cover", "gravity": "attention"},
        {"op": "convert", "format": "webp", "quality": 75},
    ],
}
"""What is made of every sample: three results of one decode."""
PLACED = "mountains.jpg"
"""The sample that carries where it was taken."""
_FACTS = {"facts": [{"op": "metadata", "gps": True}]}


def demo(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "demo-output"
    ),
    scale: Annotated[
        float,
        typer.Option(min=0.02, max=1, help="Size of the samples: 1 is 12 million pixels."),
    ] = 1.0,
    as_json: options.AsJSON = False,
) -> None:
    """See it work, with sample pictures.

    Starts a server at a free port with a temporary folder, sends pictures that are drawn here
    through its HTTP API, follows the jobs live, and stops the server again.
    """
    raise typer.Exit(asyncio.run(_story(output, scale, as_json=as_json)))


async def _story(output: Path, scale: float, *, as_json: bool) -> int:
    from imagemill.cli import report
    from imagemill.cli.neighbour import neighbour

    with tempfile.TemporaryDirectory(prefix="imagemill-demo-") as folder:
        samples, data = Path(folder) / "samples", Path(folder) / "data"
        data.mkdir()
        screen.note("Drawing sample pictures ...")
        pictures = await _drawn(samples, scale)
        screen.note("Starting a server ...")
        async with neighbour(data) as (client, address):
            screen.note(f"It listens at {address}. Three results of every picture, please.")
            outcomes = await _run(client, pictures, output)
            code = report.show(outcomes, as_json=as_json, call=lambda path: path.name)
            for line in await _closing(client, outcomes) if code == 0 else ():
                screen.note(line)
        screen.note(f"The server has stopped. Look into {output}/")
    return code


async def _drawn(folder: Path, scale: float) -> list[Path]:
    # In a process of its own, for drawing loads a decoder and the command line does not.
    arguments = ("-m", "imagemill.cli.samples", str(folder), str(scale))
    drawing = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    if await drawing.wait():
        raise CommandFailed("The sample pictures could not be drawn; the lines above say why.")
    return await asyncio.to_thread(lambda: sorted(folder.iterdir()))


async def _run(client: Client, pictures: Sequence[Path], output: Path) -> list[Outcome]:
    from imagemill.cli.errands import Errand, Runner
    from imagemill.cli.files import Target

    errands = [Errand(path, Target(output, path.stem)) for path in pictures]
    with screen.bars([path.name for path in pictures]) as move:
        runner = Runner(
            client,
            OUTPUTS,
            overwrite=True,
            tell=lambda source, word, part: move(source.name, word, part),
        )
        return await runner.run(errands, at_once=options.PARALLEL, done=lambda _: None)


async def _closing(client: Client, outcomes: Sequence[Outcome]) -> list[str]:
    """Show two promises on the picture that was taken somewhere: no place, and no work twice."""
    placed = next(each for each in outcomes if each.source.name == PLACED)
    web = next(each for each in placed.results if each.path.stem.endswith("-web"))
    cleaned = await client.upload(web.path)
    before = await _has_place(client, placed.image.image_id if placed.image else "")
    after = await _has_place(client, cleaned.image_id)
    started = time.perf_counter()
    again = await client.submit(placed.image.image_id if placed.image else "", OUTPUTS)
    taken_ms = (time.perf_counter() - started) * 1000
    return [
        f"GPS position in {PLACED}: {_yes(before)}; in {web.path.name}: {_yes(after)}.",
        f"The same job again: {again.status} in {taken_ms:.0f} ms, from the stored results.",
    ]


async def _has_place(client: Client, image_id: str) -> bool:
    accepted = await client.submit(image_id, _FACTS)
    job = await client.wait(accepted.job_id)
    return bool(json.loads(await client.fetch(job.outputs["facts"])).get("gps"))


def _yes(answer: bool) -> str:  # noqa: FBT001 - private, and it reads as a statement
    return "yes" if answer else "no"
