"""How long an owner of 100,000 images waits for a page of a list, whatever is asked for.

Run by `python -m benchmarks.finding`, or `make bench-finding`; takes about three minutes. Each
query is asked of the uploads service as the gateway asks it, without the network between: routes,
rows, and JSON are in the figures. Another 50,000 images of 20 other owners, with the same words,
lie in the same tables.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import described
from benchmarks.results import RESULTS
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Facts, Format, Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.transport import InMemory
from imagemill.contracts.uploads import Image
from imagemill.database import Connection
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.signing import UrlSigner
from imagemill.storage.local import LocalStorage
from imagemill.uploads import records
from imagemill.uploads.describing import Changes
from imagemill.uploads.routes import app_of
from imagemill.uploads.service import Uploads
from imagemill.uploads.settings import UploadsSettings
from imagemill.web.links import FileLinks

OWNER: Final = Identity(account="0f8fad5b-d9cb-469f-a165-70867728950e", scopes=frozenset({"*"}))
_MANY: Final = 100_000
_OTHERS: Final = 20
_EACH: Final = 2_500
_ROUNDS: Final = 200
_LIMIT_MS: Final = 50.0
_AT_ONCE: Final = 1_000
_SIZE: Final = (
    "SELECT page_count * page_size / 1000000 AS mb FROM pragma_page_count, pragma_page_size"
)
_BEGAN: Final = 1_700_000_000.0

QUERIES: Final[Mapping[str, str]] = {
    "the newest": "",
    "100 of the newest": "limit=100",
    "the largest": "sort=size_bytes",
    "the narrowest": "sort=width&order=asc",
    "by name": "sort=name",
    "of one format": "format=gif",
    "of a rare size": "min_width=3990&max_width=3999&min_height=3990",
    "between two moments long ago": "since=2023-11-15T00:00:00Z&until=2023-11-15T01:00:00Z",
    "none: a size that no image has": "min_width=9000&max_height=1",
    "none: the same, by size": "min_width=9000&max_height=1&sort=size_bytes",
    "none: the same, by name": "min_width=9000&max_height=1&sort=name",
    "none: in one status": "status=failed",
    "a tag of every second image": "tag=half",
    "a tag of 20 images": "tag=rare",
    "a tag of 20 images, by size": "tag=rare&sort=size_bytes",
    "two tags of every second image, by name": "tag=half&tag=third&sort=name",
    "none: two tags that no image has both": "tag=half&tag=other",
    "a tag and metadata": "tag=half&metadata.project=p7",
    "metadata of every tenth image, by width": "metadata.project=p7&sort=width",
    "a word of one image in 400": "q=w17",
    "two words": "q=w1+w2",
    "a word of every image": "q=camera",
    "a word of every image, by size": "q=camera&sort=size_bytes",
    "a word of every image, by name, up": "q=camera&sort=name&order=asc",
    "none: a word of every image, and a size": "q=camera&min_width=9000",
    "a word, a tag, a format and a size": "q=camera&tag=half&format=png&min_width=3000&sort=width",
    "a word that only others have": "q=theirs",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """How long one query took, in milliseconds."""

    name: str
    shown: int
    times_ms: Sequence[float]
    cpu_ms: Sequence[float]
    """Processor time of the whole service, which others on the machine change less."""

    @property
    def p99_ms(self) -> float:
        """The time that one answer in 100 takes longer than."""
        return _p99(self.times_ms)

    @property
    def p99_cpu_ms(self) -> float:
        """The processor time that one answer in 100 takes more than."""
        return _p99(self.cpu_ms)

    @property
    def row(self) -> str:
        """Write a row of the table."""
        work = (statistics.median(self.cpu_ms), self.p99_cpu_ms)
        times = (statistics.median(self.times_ms), self.p99_ms, max(self.times_ms), *work)
        return f"| {self.name} | {self.shown} | " + " | ".join(f"{t:.1f}" for t in times) + " |"


def _p99(times_ms: Sequence[float]) -> float:
    return statistics.quantiles(times_ms, n=100)[98]


def main(argv: Sequence[str]) -> int:
    """Fill a database, ask every query, and write the table; 1 when one takes too long."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding", description=__doc__)
    parser.add_argument("--images", type=int, default=_MANY)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    about = described(datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        report = asyncio.run(_reported(Path(folder), asked.images, asked.rounds, about))
    sys.stdout.write(report)
    if not asked.no_save:
        (asked.results / "finding.md").write_text(report, encoding="utf-8")
    return 0


async def _reported(folder: Path, images: int, rounds: int, about: str) -> str:
    async with _service(folder) as (uploads, client):
        began = time.perf_counter()
        await _fill(uploads, images)
        filled_ms = (time.perf_counter() - began) * 1000 / (images + _OTHERS * _EACH)
        figures = await _measured(client, rounds)
        pages = await uploads.database.read(lambda each: each.execute(_SIZE))
    worst = max(figures, key=lambda each: each.p99_ms)
    rows = "\n".join(each.row for each in figures)
    hardest = max(figures, key=lambda each: each.p99_cpu_ms)
    verdict = "every one is under" if worst.p99_ms < _LIMIT_MS else "NOT every one is under"
    return f"""# Finding among {images:,} images of one owner

{about}.

{_OTHERS * _EACH:,} images of {_OTHERS} others lie beside them; the database has
{pages[0]["mb"]} MB. Each query was asked {rounds} times, in turns. Recording and describing an
image took {filled_ms:.2f} ms, without a sync.

The slowest query's p99 is {worst.p99_ms:.1f} ms; {verdict} {_LIMIT_MS:.0f} ms. The most work is
{hardest.p99_cpu_ms:.1f} ms of processor time (p99), which counts where the machine was busy.

| query | shown | p50 ms | p99 ms | slowest ms | CPU p50 ms | CPU p99 ms |
|---|--:|--:|--:|--:|--:|--:|
{rows}
"""


async def _measured(client: ServiceClient, rounds: int) -> list[Figures]:
    shown = {name: (await _asked(client, query))[2] for name, query in QUERIES.items()}
    deep = await _deep(client)
    queries = {**QUERIES, "page 200 of the largest": deep}
    shown["page 200 of the largest"] = (await _asked(client, deep))[2]
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in queries}
    for _ in range(rounds):
        for name, query in queries.items():
            taken[name].append(await _asked(client, query))
    return [
        Figures(name, shown[name], [each[0] for each in took], [each[1] for each in took])
        for name, took in taken.items()
    ]


async def _deep(client: ServiceClient) -> str:
    """Go on for 200 pages, as somebody who reads everything does."""
    query = base = "sort=size_bytes&limit=100"
    for _ in range(200):
        reply = await client.call("GET", f"/api/v1/images?{query}")
        following = reply.body.rpartition(b'"next":"')[2].partition(b'"')[0].decode()
        if not reply.body.endswith(b'"}'):
            break
        query = f"{base}&cursor={following}"
    return query


async def _asked(client: ServiceClient, query: str) -> tuple[float, float, int]:
    """Give the milliseconds that passed, those of the processor, and how many images came."""
    began, worked = time.perf_counter(), time.process_time()
    reply = await client.call("GET", f"/api/v1/images?{query}")
    took, work = time.perf_counter() - began, time.process_time() - worked
    return took * 1000, work * 1000, reply.body.count(b'"image_id"')


async def _fill(uploads: Uploads, images: int) -> None:
    chance = random.Random(4)
    owners = [(OWNER.account, images), *((f"other-{n}", _EACH) for n in range(_OTHERS))]
    for owner, many in owners:
        for start in range(0, many, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, many))
            made = list(_images(owner, numbers, chance))

            def unit(connection: Connection, made: Sequence[_Made] = made) -> None:
                for image, text, changes in made:
                    records.add(connection, image, text)
                    records.describe(connection, image.owner, image.image_id, changes)

            await uploads.database.run(unit, durable=False)


_Made = tuple[Image, str, Changes]


def _images(owner: str, numbers: range, chance: random.Random) -> Iterator[_Made]:
    for number in numbers:
        words = " ".join(f"w{int(chance.paretovariate(0.5)) % 5000}" for _ in range(12))
        text = f"{words} camera {'mine' if owner == OWNER.account else 'theirs'}"
        yield _image(owner, number, chance), text, _changes(number)


def _changes(number: int) -> Changes:
    tags = ["half" if number % 2 else "other"]
    tags += ["third"] if number % 3 == 0 else []
    tags += ["rare"] if number % 5_000 == 1 else []
    return Changes(tags=tags, metadata={"project": f"p{number % 10}"})


def _image(owner: str, number: int, chance: random.Random) -> Image:
    digits = f"{chance.getrandbits(256):064x}"
    return Image(
        image_id=f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}",
        owner=owner,
        storage_key=f"{digits[:2]}/{digits[:36]}",
        sha256=digits,
        size_bytes=chance.randrange(1_000, 20_000_000),
        facts=Facts(
            format=chance.choice([Format.JPEG, Format.PNG, Format.WEBP, Format.GIF]),
            width=chance.randrange(1, 4_000),
            height=chance.randrange(1, 4_000),
        ),
        name=f"IMG_{chance.randrange(10**6):06}.jpg",
        created_at=_BEGAN + number,
    )


@asynccontextmanager
async def _service(folder: Path) -> AsyncIterator[tuple[Uploads, ServiceClient]]:
    database, storage = SQLiteDatabase(folder / "images.sqlite"), LocalStorage(folder / "objects")
    signer, urls = Signer(b"s" * 32), UrlSigner({"k": b"u" * 32}, time.time)
    nobody = JobsClient(ServiceClient(InMemory(_nothing), signer, OWNER))
    uploads = Uploads(
        database=database,
        storage=storage,
        sandbox=Sandbox(SandboxSettings()),
        jobs=nobody,
        signer=signer,
        settings=UploadsSettings(),
        limits=Limits(),
        url_signer=urls,
        links=FileLinks("http://127.0.0.1:8000", urls),
    )
    await uploads.start()
    yield uploads, ServiceClient(InMemory(app_of(uploads)), signer, OWNER)
    await storage.close()
    await database.close()


async def _nothing(*_: object) -> None:
    """Stand where the jobs service is; nothing here asks it."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
