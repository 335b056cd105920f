"""`imagemill presets`: pipelines that a server keeps under a name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagemill.cli import options, screen
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column
from imagemill.cli.wishes import StepJSON, Wishes, outputs_of
from imagemill.errors import FieldError, InvalidRequest

if TYPE_CHECKING:
    from imagemill.client import Preset

_COLUMNS = (
    Column("preset"),
    Column("version", is_number=True),
    Column("made"),
    Column("steps"),
    Column("what it is for"),
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the preset.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `presets`."""
    about = "Keep pipelines under a name at a server."
    add_group(program, "presets", about, _COMMANDS, colour=colour)


def show_all(
    *,
    limit: options.Limit = 100,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List your presets, each in its newest version."""
    from imagemill.cli.remote import remote

    async def work() -> list[Preset]:
        async with remote(server, key) as client:
            return [each async for each in client.presets(limit=limit)]

    _show(asyncio.run(work()), _in_short, as_json=as_json)


def show(
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Only this version.")] = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Show the versions of a preset, the newest first."""
    from imagemill.cli.remote import remote

    async def work() -> list[Preset]:
        async with remote(server, key) as client:
            if version is not None:
                return [await client.preset(name, version=version)]
            return [each async for each in client.preset_versions(name)]

    _show(asyncio.run(work()), _in_full, as_json=as_json)


def save(  # noqa: PLR0913 - each option is an argument
    name: Name,
    *,
    resize: options.Resize = None,
    fit: options.Fit = None,
    crop: options.Crop = None,
    rotate: options.Rotate = None,
    step: options.Step = None,
    output_format: options.Format = None,
    quality: options.Quality = None,
    pipeline: options.Pipeline = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the preset is for.")
    ] = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Make a preset, or its next version.

    The steps of the newest version once more make none.
    """
    from imagemill.cli.remote import remote

    wishes = Wishes(crop, rotate, resize, fit, step or (), output_format, quality, pipeline)
    steps = _only(wishes)

    async def work() -> Preset:
        async with remote(server, key) as client:
            return await client.save_preset(name, steps, description=description)

    saved = asyncio.run(work())
    if as_json:
        screen.say_json(saved.model_dump(mode="json"))
    else:
        screen.say(f"preset {saved.name}: version {saved.version}")


def remove(
    name: Name,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Remove a preset with all its versions."""
    from imagemill.cli.remote import remote

    async def work() -> None:
        async with remote(server, key) as client:
            await client.remove_preset(name)

    asyncio.run(work())
    screen.say(f"preset {name}: removed")


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "show": show,
    "save": save,
    "remove": remove,
}


def _only(wishes: Wishes) -> list[StepJSON]:
    outputs = outputs_of(wishes)
    if len(outputs) != 1:
        problem = f"holds {len(outputs)} pipelines; a preset is one of them."
        raise InvalidRequest("Wrong option.", errors=[FieldError("--pipeline", problem)])
    return next(iter(outputs.values()))


def _show(found: list[Preset], steps: Callable[[Preset], str], *, as_json: bool) -> None:
    rows = [(each, _row(each, steps(each))) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no presets.")


def _row(preset: Preset, steps: str) -> tuple[str, ...]:
    return (
        preset.name,
        str(preset.version),
        screen.moment(preset.created_at),
        steps,
        preset.description,
    )


def _in_short(preset: Preset) -> str:
    return ", ".join(str(step.get("op")) for step in preset.steps)


def _in_full(preset: Preset) -> str:
    return json.dumps([dict(step) for step in preset.steps], ensure_ascii=False)
