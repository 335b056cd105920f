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
        Path | None,
        typer.Argument(
            metavar="FILE",
            dir_okay=False,
            help="Where the addresses go, as settings; only its owner can read it.",
        ),
    ] = None,
    *,
    passwords: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            help="Take each role's password from the file password-NAME there, such as "
            "password-owner; then FILE may be left out.",
        ),
    ] = None,
) -> None:
    """Make a role that owns all tables, and a role and a schema for each service.

    `IMAGEMILL_DATABASE_ADMIN_URL` says where, and as whom. Each service's role may change the rows
    of its own schema and nothing else. It may run again: passwords that FILE holds are kept.
    """
    from imagemill import assembly
    from imagemill.settings import Settings

    names = assembly.prepare_postgres(Settings.load(), file, passwords)
    screen.say(f"Made an owner, and roles and schemas: {', '.join(names)}.")
    if file:
        screen.say(f"Their addresses are in {file}. Give each process only those that it needs.")
    screen.say("Now run `imagemill migrate` as the owner.")
