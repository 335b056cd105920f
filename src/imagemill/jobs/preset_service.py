"""Presets over a database: kept, found, and put into the place of an output's steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from imagemill.audit import Note
from imagemill.database import Connection, Database
from imagemill.errors import FieldError, InvalidRequest, NotFound
from imagemill.jobs import preset_records
from imagemill.jobs.presets import Bounds, Draft, Preset, PresetUse, is_name, refuse_one_more
from imagemill.jobs.request import Wish
from imagemill.operations import Step
from imagemill.pipeline import parse

Also = Callable[[Connection, Preset, bool], None]
"""Write what belongs into the transaction in which a preset is kept; told whether it is new."""


@dataclass(frozen=True, slots=True)
class Presets:
    """Presets of all owners; every question names the owner whose they are."""

    database: Database
    clock: Callable[[], float]
    """Seconds since 1970."""
    bounds: Bounds = field(default_factory=Bounds)

    async def save(self, owner: str, draft: Draft, also: Also | None = None) -> tuple[Preset, bool]:
        """Keep a preset or its next version, and tell whether there is a new one.

        The steps of the newest version once more make none. Raises `TooMany`.
        """
        now = self.clock()

        def unit(connection: Connection) -> tuple[Preset, bool]:
            preset, is_new = self._saved(connection, owner, draft, now)
            if also is not None:
                also(connection, preset, is_new)
            return preset, is_new

        return await self.database.run(unit)

    async def get(self, owner: str, name: str, version: int | None = None) -> Preset:
        """Read a version of a preset, the newest by default; raises `NotFound`."""
        found = await self.database.read(
            lambda each: preset_records.find(each, owner, name, version)
        )
        if found is None:
            raise NotFound("There is no such preset, or it has no such version.")
        return found

    async def listed(self, owner: str, after: str, most: int) -> list[Preset]:
        """Read the newest version of each preset after a name, in the order of the names."""
        return await self.database.read(
            lambda each: preset_records.listed(each, owner, after, most)
        )

    async def versions(self, owner: str, name: str, before: int | None, most: int) -> list[Preset]:
        """Read versions of a preset, the newest first; raises `NotFound`."""
        found = await self.database.read(
            lambda each: preset_records.versions(each, owner, name, before, most)
        )
        if not found and before is None:
            raise NotFound("There is no such preset.")
        return found

    async def remove(self, owner: str, name: str, note: Note | None = None) -> None:
        """Remove a preset with all its versions; raises `NotFound`."""

        def unit(connection: Connection) -> None:
            preset_records.remove(connection, owner, name)
            if note is not None:
                note(connection, name)

        await self.database.run(unit)

    async def resolve(self, wish: Wish, owner: str) -> Wish:
        """Put steps where a wish names presets; raises `InvalidRequest` for unknown ones."""
        if not wish.presets:
            return wish
        found = await self.database.read(lambda each: _looked_up(each, owner, wish.presets))
        return resolved(wish, found)

    def _saved(
        self, connection: Connection, owner: str, draft: Draft, now: float
    ) -> tuple[Preset, bool]:
        newest = preset_records.find(connection, owner, draft.name, None)
        if newest and draft.description is None:
            draft = replace(draft, description=newest.description)
        if newest and newest.steps == draft.steps:
            description = draft.description or ""
            preset_records.describe(connection, owner, draft.name, description)
            return replace(newest, description=description), False
        presets, versions = preset_records.counted(connection, owner, draft.name)
        refuse_one_more(self.bounds, presets=presets, versions=versions)
        return preset_records.add(connection, owner, draft, now), True


Found = Preset | FieldError
"""A preset that an output names, or what is wrong with its name."""


def resolved(wish: Wish, found: Mapping[str, Found]) -> Wish:
    """Put the steps of presets, by output, into a wish; raises what is wrong with them."""
    errors: list[FieldError] = []
    steps: dict[str, tuple[Step, ...]] = {}
    for output, each in found.items():
        try:
            steps[output] = _steps(output, each)
        except InvalidRequest as wrong:
            errors.extend(wrong.errors)
    if errors:
        raise InvalidRequest("The job names presets that cannot be used.", errors=errors)
    outputs = {name: steps.get(name, given) for name, given in wish.outputs.items()}
    return replace(wish, outputs=outputs, presets={})


def _looked_up(
    connection: Connection, owner: str, uses: Mapping[str, PresetUse]
) -> dict[str, Found]:
    return {output: _one(connection, owner, output, use) for output, use in uses.items()}


def _one(connection: Connection, owner: str, output: str, use: PresetUse) -> Found:
    if found := preset_records.find(connection, owner, use.preset, use.version):
        return found
    at = f"outputs.{output[:64]}"
    if use.version and preset_records.find(connection, owner, use.preset, None):
        return FieldError(f"{at}.version", f"is none that {use.preset} has.")
    known = f"{use.preset} is no preset of yours" if is_name(use.preset) else "is no preset's name"
    return FieldError(f"{at}.preset", f"{known}; see /api/v1/presets.")


def _steps(output: str, found: Found) -> tuple[Step, ...]:
    if isinstance(found, FieldError):
        raise InvalidRequest("There is no such preset.", errors=[found])
    # A newer Imagemill may not know a step any more that an older one let in.
    return parse(found.steps, at=f"outputs.{output[:64]}.preset")
