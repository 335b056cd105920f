"""Move an installation: look, copy rows and objects, compare, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from imagemill.backup.lock import at_rest
from imagemill.backup.places import DATABASES
from imagemill.backup.records import Named
from imagemill.errors import Conflict
from imagemill.transfer import objects
from imagemill.transfer.ends import Source, Target
from imagemill.transfer.objects import Copying
from imagemill.transfer.records import journal
from imagemill.transfer.report import Broken, Moved, Report, Tell
from imagemill.transfer.rows import Filling, emptied
from imagemill.transfer.surveying import Databases, Schemas, Survey, survey

OBJECTS: Final = "objects"
ROWS_COMPARED: Final = "rows compared"
OBJECTS_COMPARED: Final = "objects compared"
PARTS: Final = (*DATABASES, OBJECTS, ROWS_COMPARED, OBJECTS_COMPARED)
"""What `Tell` is told of, in this order."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One run from a data folder into the engines of the settings."""

    source: Source
    target: Target
    schemas: Schemas
    tell: Tell
    now: Callable[[], float]
    """Seconds since 1970."""

    async def run(self, *, restart: bool = False) -> Report:
        """Move all that is not there yet, compare both ends, and note that the transfer is over.

        With `restart`, what an earlier run of the same source wrote is removed first, unless that
        run had finished. An object that is broken in the source does not stop the rest. Raises
        `Conflict` when a server uses the source, when the target holds something else or what a
        system may live on since, and when both ends differ in the end; `Unavailable` when an end
        cannot be reached: the next run goes on from there.
        """
        with at_rest(self.source.data):
            seen = await self._look(restart=restart)
            if seen.finished_at is not None:
                return Report(_rows(seen), was_finished_at=seen.finished_at)
            fillings = self._fillings(seen)
            for each in fillings:
                await each.fill(await each.claim(), self._counting(each.name, seen))
            moved = await objects.named(self.source) if self.target.objects else []
            broken = await self._move_objects(moved)
            await self._compare(fillings)
            for each in fillings:
                await each.database.run(lambda connection: journal.finish(connection, self.now()))
            return await self._report(seen, moved, broken)

    async def bring_objects(self) -> Report:
        """Copy the objects alone, while a server may use the source; `run` has less to do then.

        What is copied is read back. One that no row names any more was removed meanwhile, and is
        not told.
        """
        moved = await objects.named(self.source)
        if not self.target.objects:
            return Report(tuple(objects.parts(moved)))
        copying = Copying(self.source.objects, self.target.objects)
        broken = await copying.copy_and_verify(moved, self._count(OBJECTS, len(moved)))
        left = {(one.bucket, one.key) for one in await objects.named(self.source)} if broken else ()
        told = tuple(each for each in broken if (each.one.bucket, each.one.key) in left)
        return Report(tuple(objects.parts(moved)), broken=told)

    async def _look(self, *, restart: bool) -> Survey:
        seen = await survey(self.source, self.target.databases, self.schemas)
        if restart and all(_is_of(seen, name) for name in seen.begun):
            if finished := [name for name in seen.begun if _is_over(seen, name)]:
                raise Conflict(_in_use_since(finished))
            for name in (name for name, begun in seen.begun.items() if begun):
                await emptied(self.target.databases[name], name)
            seen = await survey(self.source, self.target.databases, self.schemas)
        if seen.obstacles:
            raise Conflict(" ".join(seen.obstacles))
        return seen

    def _fillings(self, seen: Survey) -> list[Filling]:
        return [
            Filling(name, self.source.databases[name], self.target.databases[name], seen)
            for name in DATABASES
            if name in self.target.databases
        ]

    async def _move_objects(self, moved: Sequence[Named]) -> list[Broken]:
        if not self.target.objects:
            return []
        copying = Copying(self.source.objects, self.target.objects)
        broken = await copying.copy(moved, self._count(OBJECTS, len(moved)))
        absent = {(each.one.bucket, each.one.key) for each in broken}
        there = [one for one in moved if (one.bucket, one.key) not in absent]
        return broken + await copying.verify(there, self._count(OBJECTS_COMPARED, len(there)))

    async def _compare(self, fillings: Sequence[Filling]) -> None:
        wrong: list[str] = []
        move = self._count(ROWS_COMPARED, len(fillings))
        for done, each in enumerate(fillings, start=1):
            wrong += await each.differences()
            move(done)
        if wrong:
            raise Conflict(
                f"The target is not what the source is: {', '.join(wrong)}. Something else writes "
                "into it; stop that, and begin anew with --restart."
            )

    async def _report(self, seen: Survey, moved: Sequence[Named], broken: list[Broken]) -> Report:
        unnamed = await objects.unnamed(self.source, moved) if self.target.objects else []
        return Report(
            moved=(*_rows(seen), *objects.parts(moved)),
            broken=tuple(broken),
            unnamed=tuple(unnamed),
        )

    def _counting(self, name: str, seen: Survey) -> Callable[[int], None]:
        return self._count(name, sum(each.rows for each in seen.found[name].values()))

    def _count(self, name: str, total: int) -> Callable[[int], None]:
        def move(done: int) -> None:
            if total:
                self.tell(name, f"{done} of {total}", done / total)

        if not total:
            self.tell(name, "nothing", 1.0)
        return move


async def looked_at(source: Source, target: Databases, schemas: Schemas) -> Report:
    """Tell what a transfer would move and what stands in its way, and change nothing."""
    seen = await survey(source, target, schemas)
    moved = await objects.named(source) if seen.found else []
    return Report(
        moved=(*_rows(seen), *objects.parts(moved)),
        unnamed=tuple(await objects.unnamed(source, moved)) if seen.found else (),
        obstacles=(*_in_use(source), *seen.obstacles),
        was_finished_at=seen.finished_at,
    )


def _in_use(source: Source) -> tuple[str, ...]:
    """Say that a server uses the source, if one does."""
    try:
        with at_rest(source.data):
            return ()
    except Conflict as error:
        return (error.message,)


def _is_of(seen: Survey, name: str) -> bool:
    return all(each.source == seen.identity for each in seen.begun[name].values())


def _is_over(seen: Survey, name: str) -> bool:
    return any(each.finished_at is not None for each in seen.begun[name].values())


def _in_use_since(finished: Sequence[str]) -> str:
    return (
        f"A transfer into {', '.join(finished)} has finished, and a system may live on it since; "
        "--restart would empty it. To move once more, name empty databases; a run that ended "
        "while it finished goes on without --restart."
    )


def _rows(seen: Survey) -> tuple[Moved, ...]:
    return tuple(
        Moved(f"{name}.{table}", each.rows)
        for name, tables in seen.found.items()
        for table, each in tables.items()
        if each.rows
    )
