"""Presets: read, kept in versions, and put into the place of an output's steps."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from imagemill.database.migrations import migrations_of
from imagemill.errors import FieldError, InvalidRequest, NotFound, TooMany
from imagemill.jobs.preset_service import Presets, resolved
from imagemill.jobs.presets import Bounds, Draft, Preset, draft_of
from imagemill.jobs.request import Wish, wish_of, wish_of_text
from tests.peers.engines import database_at

ME, OTHER = "me", "somebody else"
SMALL: list[dict[str, Any]] = [{"op": "resize", "width": 400}]
GREY: list[dict[str, Any]] = [{"op": "filter", "type": "grayscale"}]


@pytest.fixture
async def presets(tmp_path: Path) -> AsyncIterator[Presets]:
    """Give a place for three presets of three versions each, at which time passes."""
    database = database_at(tmp_path / "jobs.sqlite")
    await database.migrate(migrations_of("imagemill.jobs"))
    seconds = itertools.count(1_000.0)
    yield Presets(database, lambda: next(seconds), Bounds(presets=3, versions=3))
    await database.close()


def draft(name: str = "card", steps: list[dict[str, Any]] = SMALL, **more: str | None) -> Draft:
    return draft_of({"name": name, "steps": steps, **more})


def fields(error: pytest.ExceptionInfo[InvalidRequest]) -> set[str]:
    return {each.field for each in error.value.errors}


def test_a_preset_is_read_into_its_normal_form() -> None:
    read = draft("card_2-b", SMALL, description="For lists.")

    assert (read.name, read.description) == ("card_2-b", "For lists.")
    assert [step["op"] for step in read.steps] == ["resize", "convert"]
    assert read.steps[0]["fit"] == "cover"
    assert draft("card_2-b", read.steps).steps == read.steps


@pytest.mark.parametrize("name", ["", "-a", "_a", "Card", "a b", "a" * 65, "é", "a\n", "a/b", 5])
def test_what_is_no_name_is_refused_by_its_field(name: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        draft_of({"name": name, "steps": SMALL})

    assert fields(error) == {"name"}


def test_everything_that_is_wrong_with_a_preset_is_told_at_once() -> None:
    steps = [{"op": "resize", "width": 0}, {"op": "zap"}]

    with pytest.raises(InvalidRequest) as error:
        draft_of({"name": "!", "steps": steps, "colour": "red", "description": "x" * 501})

    assert fields(error) == {"name", "steps.0.width", "steps.1.op", "colour", "description"}


@pytest.mark.parametrize("steps", [None, {}, "flip", [1], [{"op": "flip"}] * 31])
def test_steps_that_are_no_pipeline_are_refused_by_their_field(steps: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        draft_of({"name": "card", "steps": steps})

    assert {each.split(".")[0] for each in fields(error)} == {"steps"}


async def test_a_name_that_is_taken_gets_its_next_version(presets: Presets) -> None:
    first, second = [await presets.save(ME, draft(steps=each)) for each in (SMALL, GREY)]

    assert (first[0].version, first[1]) == (1, True)
    assert (second[0].version, second[1]) == (2, True)
    assert await presets.get(ME, "card") == second[0]
    assert await presets.get(ME, "card", 1) == first[0]


async def test_the_newest_steps_once_more_make_no_version(presets: Presets) -> None:
    await presets.save(ME, draft())

    spelled_out: list[dict[str, Any]] = [{**SMALL[0], "fit": "cover"}, {"op": "convert"}]
    again, is_new = await presets.save(ME, draft(steps=spelled_out))

    assert (again.version, is_new) == (1, False)
    assert len(await presets.versions(ME, "card", None, 9)) == 1


async def test_older_steps_once_more_make_a_version(presets: Presets) -> None:
    for steps in (SMALL, GREY, SMALL):
        await presets.save(ME, draft(steps=steps))

    assert (await presets.get(ME, "card")).version == 3


async def test_a_description_stays_until_another_is_given(presets: Presets) -> None:
    await presets.save(ME, draft(description="One."))
    kept, _ = await presets.save(ME, draft(steps=GREY))
    changed, is_new = await presets.save(ME, draft(steps=GREY, description="Two."))

    assert (kept.description, changed.description, is_new) == ("One.", "Two.", False)
    assert (await presets.get(ME, "card", 1)).description == "Two."


async def test_a_removed_preset_is_gone_with_its_versions(presets: Presets) -> None:
    await presets.save(ME, draft())

    await presets.remove(ME, "card")

    for version in (None, 1):
        with pytest.raises(NotFound):
            await presets.get(ME, "card", version)
    with pytest.raises(NotFound):
        await presets.versions(ME, "card", None, 9)
    with pytest.raises(NotFound):
        await presets.remove(ME, "card")
    assert await presets.listed(ME, "", 9) == []


async def test_a_name_that_is_made_again_goes_on_counting(presets: Presets) -> None:
    await presets.save(ME, draft(description="Old."))
    await presets.save(ME, draft(steps=GREY))
    await presets.remove(ME, "card")

    again, is_new = await presets.save(ME, draft(steps=GREY))

    assert (again.version, again.description, is_new) == (3, "", True)
    assert [each.version for each in await presets.versions(ME, "card", None, 9)] == [3]


async def test_presets_are_their_owners_alone(presets: Presets) -> None:
    await presets.save(ME, draft())
    theirs, _ = await presets.save(OTHER, draft(steps=GREY))

    await presets.remove(ME, "card")

    assert theirs.version == 1
    assert await presets.listed(ME, "", 9) == []
    assert await presets.get(OTHER, "card") == theirs
    with pytest.raises(NotFound):
        await presets.get(ME, "card")


async def test_presets_are_listed_by_name_in_their_newest_version(presets: Presets) -> None:
    for name, steps in (("b", SMALL), ("a", SMALL), ("c", SMALL), ("b", GREY)):
        await presets.save(ME, draft(name, steps))

    listed = [(each.name, each.version) for each in await presets.listed(ME, "", 9)]

    assert listed == [("a", 1), ("b", 2), ("c", 1)]
    assert [each.name for each in await presets.listed(ME, "a", 1)] == ["b"]


async def test_one_preset_too_many_is_refused_with_the_limit(presets: Presets) -> None:
    for name in ("a", "b", "c"):
        await presets.save(ME, draft(name))

    with pytest.raises(TooMany) as error:
        await presets.save(ME, draft("d"))

    assert error.value.limit == {"limit_presets": 3}
    assert (await presets.save(ME, draft("a", GREY)))[0].version == 2
    assert (await presets.save(OTHER, draft("d")))[1]
    await presets.remove(ME, "a")
    assert (await presets.save(ME, draft("d")))[1]


async def test_one_version_too_many_is_refused_with_the_limit(presets: Presets) -> None:
    for steps in (SMALL, GREY, SMALL):
        await presets.save(ME, draft(steps=steps))

    with pytest.raises(TooMany) as error:
        await presets.save(ME, draft(steps=GREY))

    assert error.value.limit == {"limit_versions": 3}
    assert (await presets.save(ME, draft(steps=SMALL)))[1] is False
    await presets.remove(ME, "card")
    assert (await presets.save(ME, draft(steps=GREY)))[0].version == 4


def test_a_thousand_are_kept() -> None:
    assert Bounds() == Bounds(presets=1_000, versions=1_000)


@pytest.mark.parametrize("form", [wish_of, lambda value: wish_of_text(json.dumps(value))])
def test_an_output_can_name_a_preset(form: Callable[[dict[str, Any]], Wish]) -> None:
    wish = form({"outputs": {"a": {"preset": "card", "version": 2}, "b": SMALL}})

    assert list(wish.outputs) == ["a", "b"]
    assert (wish.presets["a"].preset, wish.presets["a"].version) == ("card", 2)
    assert list(wish.presets) == ["a"]


@pytest.mark.parametrize(
    ("use", "field"),
    [
        ({}, "outputs.a"),
        ({"op": "flip"}, "outputs.a"),
        ({"version": 1}, "outputs.a"),
        ({"preset": None}, "outputs.a.preset"),
        ({"preset": 5}, "outputs.a.preset"),
        ({"preset": "x" * 65}, "outputs.a.preset"),
        ({"preset": "card", "version": 0}, "outputs.a.version"),
        ({"preset": "card", "version": True}, "outputs.a.version"),
        ({"preset": "card", "version": "2"}, "outputs.a.version"),
        ({"preset": "card", "version": 10**12}, "outputs.a.version"),
        ({"preset": "card", "steps": []}, "outputs.a.steps"),
        ("card", "outputs.a"),
        (None, "outputs.a"),
    ],
)
def test_what_names_no_preset_is_refused_by_its_field(use: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        wish_of({"outputs": {"a": use, "b": [{"op": "flip"}]}})

    assert fields(error) == {field}


def test_wrong_steps_and_a_wrong_preset_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as error:
        wish_of({"outputs": {"a": {"preset": "card", "size": 1}, "b": [{"op": "zap"}]}})

    assert fields(error) == {"outputs.a.size", "outputs.b.0.op"}


async def test_a_preset_becomes_its_steps_in_the_outputs_place(presets: Presets) -> None:
    await presets.save(ME, draft())
    await presets.save(ME, draft(steps=GREY))
    newest, first = {"preset": "card"}, {"preset": "card", "version": 1}

    wish = await presets.resolve(wish_of({"outputs": {"a": newest, "b": SMALL, "c": first}}), ME)

    ops = {name: [step.op for step in steps] for name, steps in wish.outputs.items()}
    assert list(ops) == ["a", "b", "c"]
    assert ops["a"] == ["filter", "convert"]
    assert wish.outputs["c"] == wish.outputs["b"]
    assert not wish.presets


async def test_presets_that_are_not_there_are_all_named(presets: Presets) -> None:
    await presets.save(ME, draft())
    await presets.save(OTHER, draft("theirs"))
    uses = {
        "gone": {"preset": "absent"},
        "foreign": {"preset": "theirs"},
        "odd": {"preset": "No name!"},
        "late": {"preset": "card", "version": 2},
        "good": {"preset": "card"},
    }

    with pytest.raises(InvalidRequest) as error:
        await presets.resolve(wish_of({"outputs": uses}), ME)

    assert fields(error) == {
        "outputs.gone.preset",
        "outputs.foreign.preset",
        "outputs.odd.preset",
        "outputs.late.version",
    }


def test_steps_that_this_version_does_not_know_any_more_are_named() -> None:
    wish = wish_of({"outputs": {"a": {"preset": "old"}, "b": {"preset": "gone"}}})
    old = Preset("old", 1, [{"op": "vanished"}], "", 0.0)

    with pytest.raises(InvalidRequest) as error:
        resolved(wish, {"a": old, "b": FieldError("outputs.b.preset", "is no preset.")})

    assert fields(error) == {"outputs.a.preset.0.op", "outputs.b.preset"}
