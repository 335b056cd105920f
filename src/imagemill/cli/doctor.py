"""`imagemill doctor`: show what this installation is made of, and what it lacks."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from imagemill.cli import options, screen
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.cli.checks import Finding
    from imagemill.settings import Settings


def doctor(*, data: options.Data = None, as_json: options.AsJSON = False) -> None:
    """Show what is set, what works, what is missing.

    Every setting with its value and where it was set; the versions of the decoders; the layers of
    the sandbox as a locked child found them; the data folder and its databases; the object store
    and the broker, where one is set. The exit code is 1 when something is broken.
    """
    from imagemill.cli.checks import State
    from imagemill.settings import Settings, given_settings
    from imagemill.telemetry import logs

    logs.configure(level="ERROR")  # What goes wrong is a finding, and not said twice.
    flags: dict[str, Any] = {"data": data} if data else {}
    settings = Settings.load(**flags)
    rows = list(set_values(settings, given_settings(**flags)))
    findings = asyncio.run(_findings(settings))
    if as_json:
        screen.say_json(_described(rows, findings))
    else:
        _show(rows, findings)
    raise typer.Exit(int(any(each.state is State.BROKEN for each in findings)))


def set_values(
    settings: Settings, given: dict[str, tuple[Any, str]]
) -> list[tuple[str, str, str, str]]:
    """List every setting: its path, its environment name, its value, and where it was set."""
    from imagemill.settings import name_of, paths

    return [
        (path, name_of(path), _written(_at(settings, path)), given.get(path, ("", "default"))[1])
        for path in paths()
    ]


async def _findings(settings: Settings) -> list[Finding]:
    from imagemill.cli import checks

    return [
        *checks.programs(),
        *await checks.decoders(),
        *await checks.sandbox(settings),
        *checks.storage(settings.data),
        *await checks.objects(settings),
        *checks.databases(settings.data),
        *await checks.schemas(settings),
        *await checks.queue(settings),
        *checks.keys(settings),
        *await checks.peers(settings),
        *checks.gateways(settings),
    ]


def _show(rows: list[tuple[str, str, str, str]], findings: list[Finding]) -> None:
    screen.say("Settings")
    titles = (Column("setting"), Column("environment"), Column("value"), Column("set by"))
    screen.table(titles, rows)
    screen.say("\nState")
    screen.table(
        (Column("what"), Column("state"), Column("found")),
        [(each.what, str(each.state), each.note) for each in findings],
    )


def _described(rows: list[tuple[str, str, str, str]], findings: list[Finding]) -> dict[str, Any]:
    return {
        "settings": [
            dict(zip(("setting", "environment", "value", "set_by"), row, strict=True))
            for row in rows
        ],
        "findings": [asdict(each) for each in findings],
    }


def _at(settings: object, path: str) -> object:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
