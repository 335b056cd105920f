"""Commands that belong together, under one name: `imagemill presets list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import typer


def add_group(
    program: typer.Typer,
    name: str,
    about: str,
    commands: Mapping[str, Callable[..., None]],
    *,
    colour: bool,
) -> None:
    """Put commands into a program, under one name."""
    group = typer.Typer(
        name=name,
        help=about,
        no_args_is_help=True,
        rich_markup_mode="rich" if colour else None,
    )
    for each, command in commands.items():
        group.command(each)(command)
    program.add_typer(group)
