"""Pictures on their way into a batch: files are uploaded, images that are there are named."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

from imagemill.cli import screen
from imagemill.cli.failure import CommandFailed
from imagemill.cli.files import find
from imagemill.client import Client, ClientError


def sources_of(pictures: Sequence[str]) -> list[Path | str]:
    """Tell files from ids of images; folders give the pictures in them.

    Raises `FileNotFoundError` for what is neither, and `CommandFailed` where no picture is left.
    """
    sources: list[Path | str] = []
    for each in pictures:
        if _is_id(each) and not Path(each).exists():
            sources.append(each)
        else:
            # Where `process` puts its results, so that a folder is not made from its own results.
            found = find([Path(each)], without=Path("out"))
            sources.extend(source.path for source in found)
    if not sources:
        raise CommandFailed(f"There are no pictures in {', '.join(pictures)}.")
    return sources


async def images_of(client: Client, sources: Sequence[Path | str], *, at_once: int) -> list[str]:
    """Upload what are files, `at_once` at the same time; gives ids, in the order of the sources.

    A picture that cannot be read or sent, or is refused, is told and left out. Raises
    `CommandFailed` where all are.
    """
    free = asyncio.Semaphore(at_once)
    with screen.bar("Sending", len(sources)) as move:

        async def one(source: Path | str) -> str | None:
            async with free:
                image_id = source if isinstance(source, str) else await _sent(client, source)
            move(str(source), "sent" if image_id else "left out", 1.0)
            return image_id

        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(one(source)) for source in sources]
    image_ids = [each.result() for each in sending]
    if not any(image_ids):
        raise CommandFailed("No picture was taken, so there is no batch.")
    return [each for each in image_ids if each]


async def _sent(client: Client, source: Path) -> str | None:
    try:
        return (await client.upload(source)).image_id
    except (ClientError, OSError) as error:
        screen.note(f"left out  {source}: {error}")
        return None


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
