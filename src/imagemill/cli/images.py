"""`imagemill images`: what you keep at a server, found again and linked to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imagemill.cli import options, screen
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.client import Image, Link

_COLUMNS = (
    Column("image"),
    Column("format"),
    Column("pixels", is_number=True),
    Column("size", is_number=True),
    Column("kept"),
    Column("tags"),
    Column("name"),
)

ImageId = Annotated[str, typer.Argument(metavar="IMAGE", help="Id of the image.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `images`."""
    add_group(program, "images", "Find what you keep at a server.", _COMMANDS, colour=colour)


def show_all(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD...]", help="Words of its name, tags, metadata or file."),
    ] = None,
    *,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only with this tag; may be given again.")
    ] = None,
    image_format: Annotated[
        str, typer.Option("--format", "-f", help="Only jpeg, png, webp, ...")
    ] = "",
    sort: Annotated[
        str, typer.Option(metavar="WHAT", help="By created_at, size_bytes, width or name.")
    ] = "created_at",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    server: options.Server = options.SERVER,
    key: options.Key = None,
    as_json: options.AsJSON = False,
) -> None:
    """List your images, the newest first, or those that words and tags find."""
    from imagemill.cli.remote import remote
    from imagemill.client import ImageFilter

    which = ImageFilter(words=" ".join(words or ()), tags=tag or (), format=image_format)

    async def work() -> list[Image]:
        async with remote(server, key) as client:
            return [each async for each in client.images.find(which, sort=sort, limit=limit)]

    found = asyncio.run(work())
    rows = [(each, _row(each)) for each in found]
    screen.listing(_COLUMNS, rows, as_json=as_json, none="There are no such images.")


def show(
    image_id: ImageId,
    *,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Show all that is known of an image, as JSON."""
    from imagemill.cli.remote import remote

    async def work() -> Image:
        async with remote(server, key) as client:
            return await client.images.show(image_id)

    screen.say_json(asyncio.run(work()).model_dump(mode="json"))


def link(
    image_id: ImageId,
    *,
    expires_in_s: Annotated[
        int, typer.Option("--expires", min=1, metavar="SECONDS", help="How long it opens.")
    ] = 3600,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Print a URL that opens the original to whoever has it, for a while."""
    from imagemill.cli.remote import remote

    async def work() -> Link:
        async with remote(server, key) as client:
            return await client.images.link(image_id, expires_in_s=expires_in_s)

    made = asyncio.run(work())
    screen.say(made.url)
    screen.note(f"It opens until {screen.moment(made.expires_at)}.")


def delete(
    image_id: ImageId,
    *,
    force: Annotated[bool, typer.Option("--force", help="Cancel the jobs that use it.")] = False,
    server: options.Server = options.SERVER,
    key: options.Key = None,
) -> None:
    """Delete an image; results that were made of it stay."""
    from imagemill.cli.remote import remote

    async def work() -> None:
        async with remote(server, key) as client:
            await client.images.delete(image_id, force=force)

    asyncio.run(work())
    screen.say(f"image {image_id}: deleted")


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "show": show,
    "link": link,
    "delete": delete,
}


def _row(image: Image) -> tuple[str, ...]:
    kept = image.created_at
    return (
        image.image_id,
        image.format,
        f"{image.width}x{image.height}",
        screen.bytes_in_words(image.size_bytes),
        screen.moment(kept) if kept else "",
        ", ".join(image.tags),
        image.name or "",
    )
