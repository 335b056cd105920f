"""All commands as one program, and the one place where its errors become words and exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from imagemill.cli import (
    accounts,
    backup,
    batches,
    databases,
    dead_letters,
    demo,
    doctor,
    images,
    job,
    jobs,
    key,
    keys,
    make_keys,
    migrate,
    operations,
    presets,
    process,
    rotate_keys,
    screen,
    serve,
    submit,
    transfer,
    webhooks,
)
from imagemill.cli.failure import CommandFailed
from imagemill.errors import ImagemillError, InvalidRequest

COMMANDS = (
    serve.serve,
    process.process,
    submit.submit,
    job.job,
    jobs.jobs,
    operations.operations,
    demo.demo,
    doctor.doctor,
    migrate.migrate,
    backup.backup,
    backup.restore,
    transfer.transfer,
    key.key,
    make_keys.make_keys,
    rotate_keys.rotate_keys,
)
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
"""What a shell gives a program that Ctrl-C ended: 128 and the number of the signal."""


def application(*, colour: bool) -> typer.Typer:
    """Put the program together; `colour` draws help and usage errors with lines and colours."""
    program = typer.Typer(
        name="imagemill",
        help="Image processing that you run yourself: a picture goes in, results come out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if colour else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    for command in COMMANDS:
        program.command()(command)
    images.add_to(program, colour=colour)
    presets.add_to(program, colour=colour)
    batches.add_to(program, colour=colour)
    dead_letters.add_to(program, colour=colour)
    accounts.add_to(program, colour=colour)
    webhooks.add_to(program, colour=colour)
    keys.add_to(program, colour=colour)
    databases.add_to(program, colour=colour)
    return program


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives 0, or 1 for a failure, 2 for wrong usage, 130 for Ctrl-C.

    `--traceback` as the first argument shows where an error came from.
    """
    trace = list(arguments[:1]) == ["--traceback"]
    try:
        application(colour=sys.stdout.isatty())(args=list(arguments), prog_name="imagemill")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        screen.note("Interrupted.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the program: one line, no traceback
        _explain(error, trace=trace)
        return WRONG_USAGE if isinstance(error, InvalidRequest) else FAILED
    return 0


def _version(show: bool) -> None:  # noqa: FBT001 - typer calls it so
    if show:
        screen.say(f"imagemill {version('imagemill')}")
        raise typer.Exit


def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_version, help="Print the version and stop."
        ),
    ] = False,
    trace: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
) -> None:
    pass


def _explain(error: Exception, *, trace: bool) -> None:
    if trace:
        traceback.print_exception(error)
    for line in _lines(error):
        screen.note(line)


def _is_client_error(error: Exception) -> bool:
    # Whoever raised it has loaded the client; nobody else needs to, it takes 0.3 s.
    from imagemill.client import ClientError

    return isinstance(error, ClientError)


def _lines(error: Exception) -> list[str]:
    if isinstance(error, ImagemillError):
        return [f"{each.field}: {each.problem}" for each in error.errors] or [error.message]
    if isinstance(error, CommandFailed):
        return [str(error)]
    if _is_client_error(error):
        return [str(error)]
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return [f"{error.strerror}{where}."]
    told = f"{type(error).__name__}: {error}"
    return [f"Something went wrong here: {told}. Put --traceback first to see where."]
