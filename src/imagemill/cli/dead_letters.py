"""`imagemill dead-letters`: jobs whose tries are used up, until a person has decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from imagemill.cli import options, screen
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Attempt, DeadLetter, DeadLetterDetails, Decided, LetterFilter

_COLUMNS = (
    Column("letter"),
    Column("state"),
    Column("reason"),
    Column("operation"),
    Column("when"),
    Column("replayed as"),
)
_ATTEMPTS = (
    Column("try", is_number=True),
    Column("outcome"),
    Column("began"),
    Column("s", is_number=True),
    Column("worker"),
    Column("why"),
)
_STATES = ("waiting", "replayed", "discarded", "any")

_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Letters, which are called as jobs.")
]
_All = Annotated[bool, typer.Option("--all", help="All that wait and fit the other options.")]
_Reason = Annotated[
    str, typer.Option(metavar="CODE", help="Only letters for this reason, such as timeout.")
]
_Operation = Annotated[
    str, typer.Option(metavar="NAME", help="Only letters about this operation, or pipeline.")
]
_Since = Annotated[
    datetime | None, typer.Option(help="Only letters from this time on, as clocks here show it.")
]
_Until = Annotated[datetime | None, typer.Option(help="Only letters before this time.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `dead-letters`."""
    about = "Decide about jobs whose tries are used up."
    add_group(program, "dead-letters", about, _COMMANDS, colour=colour)


def show_all(  # noqa: PLR0913 - each option is an argument
    *,
    state: Annotated[
        str, typer.Option(metavar="STATE", help=f"Only those: {', '.join(_STATES)}.")
    ] = "waiting",
    reason: _Reason = "",
    operation: _Operation = "",
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List dead letters, the newest first."""
    from imagemill.cli.remote import remote
    from imagemill.client import LetterFilter

    if state not in _STATES:
        raise typer.BadParameter(f"{state} is none; there are {', '.join(_STATES)}.")
    which = LetterFilter(reason, operation, since, until)

    async def work() -> list[DeadLetter]:
        async with remote(server, key) as client:
            return [
                each async for each in client.dead_letters.list(which, state=state, limit=limit)
            ]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no such dead letters.")


def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter, or its job.")],
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Show a dead letter: every try with its error, and the picture."""
    from imagemill.cli.remote import remote

    async def work() -> DeadLetterDetails:
        async with remote(server, key) as client:
            return await client.dead_letters.show(letter_id)

    found = asyncio.run(work())
    if as_json:
        screen.say_json(found.model_dump(mode="json"))
    else:
        _tell(found)


def replay(  # noqa: PLR0913 - each option is an argument
    ids: _Ids = None,
    *,
    every: _All = False,
    reason: _Reason = "",
    operation: _Operation = "",
    since: _Since = None,
    until: _Until = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Do the jobs again, and print the ids of the new ones.

    The exit code is 1 when a letter was refused, because it was replayed before say.
    """
    which = _meant(ids, (reason, operation, since, until), every=every)
    raise typer.Exit(_decide("replay", which, server, key, as_json=as_json))


def discard(  # noqa: PLR0913 - each option is an argument
    ids: _Ids = None,
    *,
    every: _All = False,
    reason: _Reason = "",
    operation: _Operation = "",
    since: _Since = None,
    until: _Until = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Leave the jobs failed, and print the letters that are dealt with.

    The exit code is 1 when a letter was refused, because it was replayed before say.
    """
    which = _meant(ids, (reason, operation, since, until), every=every)
    raise typer.Exit(_decide("discard", which, server, key, as_json=as_json))


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "show": show,
    "replay": replay,
    "discard": discard,
}


def _meant(
    ids: Sequence[str] | None,
    only: tuple[str, str, datetime | None, datetime | None],
    *,
    every: bool,
) -> Sequence[str] | LetterFilter:
    from imagemill.client import LetterFilter

    if bool(ids) == every:
        raise typer.BadParameter("Name the letters, or say --all.")
    if ids and any(only):
        raise typer.BadParameter("What filters goes with --all; the letters are named already.")
    return ids or LetterFilter(*only)


def _decide(
    what: Literal["replay", "discard"],
    which: Sequence[str] | LetterFilter,
    server: str,
    key: str | None,
    *,
    as_json: bool,
) -> int:
    """Decide about letters and tell what became of them; gives the exit code."""
    from imagemill.cli.remote import remote

    async def work() -> tuple[Decided, ...]:
        async with remote(server, key) as client:
            letters = client.dead_letters
            decide = letters.replay_many if what == "replay" else letters.discard_many
            return await decide(which)

    decided = asyncio.run(work())
    if as_json:
        screen.say_json([each.model_dump(mode="json") for each in decided])
    else:
        _tell_decided(decided)
    return 0 if all(each.is_done for each in decided) else 1


def _tell_decided(decided: Sequence[Decided]) -> None:
    for each in decided:
        if each.is_done:
            screen.say(each.job_id or each.id)
        else:
            screen.note(f"refused  {each.id}: {each.detail or each.code}")
    if not decided:
        screen.note("There are no such dead letters.")


def _tell(found: DeadLetterDetails) -> None:
    then = f" as job {found.replayed_as}" if found.replayed_as else ""
    screen.say(f"dead letter {found.id}: {found.state}{then}")
    screen.say(f"{found.operation} failed: {found.reason}")
    if found.image:
        image = found.image
        size = f"{image.width} × {image.height}, {screen.bytes_in_words(image.size_bytes)}"
        screen.say(f"image {image.image_id}: {image.format}, {size}")
    else:
        screen.say("The image was deleted.")
    screen.table(_ATTEMPTS, [_tried(each) for each in found.attempts])


def _row(letter: DeadLetter) -> tuple[str, ...]:
    return (
        letter.id,
        letter.state,
        letter.reason,
        letter.operation,
        screen.moment(letter.at),
        letter.replayed_as or "",
    )


def _tried(attempt: Attempt) -> tuple[str, ...]:
    error = attempt.error or {}
    return (
        str(attempt.number),
        attempt.outcome,
        screen.moment(attempt.started_at),
        f"{(attempt.ended_at - attempt.started_at).total_seconds():.1f}",
        attempt.worker,
        f"{error['code']}: {error.get('message', '')}" if "code" in error else "",
    )
