"""`imagemill keys`: API keys of an account at a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagemill.cli import options, screen
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Key, NewKey

_COLUMNS = (
    Column("key"),
    Column("name"),
    Column("begins with"),
    Column("may"),
    Column("last used"),
    Column("ends"),
)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key, as `list` shows it.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `keys`."""
    add_group(program, "keys", "Keep the API keys of your account.", _COMMANDS, colour=colour)


def show_all(
    *,
    limit: options.Limit = 100,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List the keys that are not revoked, the newest first."""
    from imagemill.cli.remote import remote

    async def work() -> list[Key]:
        async with remote(server, key) as client:
            return [each async for each in client.keys.list(limit=limit)]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no keys.")


def create(  # noqa: PLR0913 - each option is an argument
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call the key.")],
    *,
    scope: Annotated[
        list[str], typer.Option(metavar="SCOPE", help="What it may do; may be given again.")
    ],
    expires_in_days: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0.001, max=3660, help="End it so soon.")
    ] = None,
    rate_per_minute: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests a minute.")
    ] = None,
    burst: Annotated[int | None, typer.Option(metavar="N", min=1, help="Requests at once.")] = None,
    monthly_jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Jobs in a calendar month.")
    ] = None,
    stored_bytes: Annotated[
        int | None, typer.Option(metavar="BYTES", min=1, help="Bytes of originals that it keeps.")
    ] = None,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Make a key and write it to standard output; it is shown this once."""
    from imagemill.cli.remote import remote
    from imagemill.client import KeyBounds

    bounds = KeyBounds(
        expires_in_s=None if expires_in_days is None else round(expires_in_days * 86_400),
        rate_per_minute=rate_per_minute,
        burst=burst,
        monthly_jobs=monthly_jobs,
        stored_bytes=stored_bytes,
    )

    async def work() -> NewKey:
        async with remote(server, key) as client:
            return await client.keys.make(name, scope, bounds)

    _tell(asyncio.run(work()), as_json=as_json)


def rotate(
    key_id: KeyId,
    *,
    overlap: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How long the old one opens as well.")
    ] = 0,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """Give a key a new secret and write it to standard output; it is shown this once."""
    from imagemill.cli.remote import remote

    async def work() -> NewKey:
        async with remote(server, key) as client:
            return await client.keys.rotate(key_id, overlap_s=overlap)

    _tell(asyncio.run(work()), as_json=as_json)


def revoke(
    key_id: KeyId,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """End a key for good."""
    from imagemill.cli.remote import remote

    async def work() -> None:
        async with remote(server, key) as client:
            await client.keys.revoke(key_id)

    asyncio.run(work())
    screen.say(f"key {key_id}: revoked")


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "create": create,
    "rotate": rotate,
    "revoke": revoke,
}


def _tell(made: NewKey, *, as_json: bool) -> None:
    if as_json:
        screen.say_json(made.model_dump(mode="json"))
        return
    screen.say(made.key or "")
    screen.note(f"This is the key {made.key_id}, {made.name}. It is not shown again.")


def _row(key: Key) -> tuple[str, ...]:
    scopes = ", ".join(key.scopes)
    used, ends = _moment(key.last_used_at), _moment(key.expires_at)
    return (key.key_id, key.name, key.prefix, scopes, used, ends)


def _moment(at: datetime | None) -> str:
    return "never" if at is None else screen.moment(at)
