"""`imagemill database`: what an administrator does to a PostgreSQL once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagemill.cli import screen
from imagemill.cli.group import add_group


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `database`."""
    add_group(program, "database", "Prepare a PostgreSQL.", {"init": init}, colour=colour)


def init(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            dir_okay=False,
            help="Where the addresses go, as settings; only its owner can read it.",
        ),
    ],
) -> None:
    """Make a role and a schema for each service.

    `IMAGEMILL_DATABASE_ADMIN_URL` says where, and as whom. Each role may use its own schema and
    nothing else. It may run again: passwords that the file holds are kept.
    """
    from imagemill import assembly
    from imagemill.settings import Settings

    names = assembly.prepare_postgres(Settings.load(), file)
    screen.say(f"Made roles and schemas: {', '.join(names)}. Their addresses are in {file}.")
    screen.say("Give each process only those that it needs, then run `imagemill migrate`.")
