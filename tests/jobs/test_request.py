"""Reading what clients ask for."""

from __future__ import annotations

import pytest

from imagemill.errors import InvalidRequest, NotFound
from imagemill.jobs.request import MAX_OUTPUTS, wish_of, wish_of_fields, wish_of_text

SMALL = {"small": [{"op": "resize", "width": 400}]}


def fields(error: pytest.ExceptionInfo[InvalidRequest]) -> set[str]:
    return {each.field for each in error.value.errors}


def test_a_job_names_its_image_and_its_outputs() -> None:
    wish = wish_of({"input": {"image_id": "i"}, "outputs": SMALL, "fresh": True})

    assert (wish.image_id, wish.fresh, wish.type) == ("i", True, "pipeline")
    assert [step.op for step in wish.outputs["small"]] == ["resize", "convert"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    value = {
        "unknown": 1,
        "outputs": {
            "bad name": [{"op": "resize", "width": 0, "colour": "red"}],
            "other": [{"op": "zap"}],
        },
    }

    with pytest.raises(InvalidRequest) as error:
        wish_of(value)

    assert fields(error) == {
        "unknown",
        "outputs.bad name",
        "outputs.bad name.0.width",
        "outputs.bad name.0.colour",
        "outputs.other.0.op",
    }


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"outputs": None},
        {"outputs": []},
        {"outputs": {}},
        {"outputs": {"a": {}}},
        {"outputs": {"a": [1]}},
        {"outputs": SMALL, "input": "i"},
        {"outputs": SMALL, "input": {"image_id": 5}},
        {"outputs": SMALL, "fresh": "perhaps"},
        {"outputs": {f"o{n}": [] for n in range(MAX_OUTPUTS + 1)}},
        {"outputs": {"a": [{"op": "flip"}] * 31}},
        {"outputs": {"a": [{"op": "convert"}, {"op": "flip"}]}},
        {"outputs": {"a": [{"op": ["resize"]}]}},
    ],
)
def test_what_is_no_job_is_refused_with_its_fields(value: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as error:
        wish_of(value)

    assert error.value.errors


@pytest.mark.parametrize("text", [None, "", "{", "[]", "1", '"text"', "[" * 100_000])
def test_a_job_field_that_is_no_json_object_is_refused_by_name(text: str | None) -> None:
    with pytest.raises(InvalidRequest) as error:
        wish_of_text(text)

    assert fields(error) == {"job"}


def test_a_short_form_reads_text_as_its_parameters() -> None:
    wish = wish_of_fields("resize", {"width": "400", "enlarge": "true", "image_id": "i"})

    steps = wish.outputs["result"]
    assert (wish.type, wish.image_id, steps[0].op) == ("resize", "i", "resize")
    assert steps[0].model_dump()["width"] == 400
    assert steps[0].model_dump()["enlarge"] is True


def test_a_short_form_takes_the_encoding_too() -> None:
    wish = wish_of_fields("resize", {"width": "400", "format": "webp", "quality": "50"})

    encoding = wish.outputs["result"][1].model_dump()
    assert (encoding["format"], encoding["quality"]) == ("webp", 50)


def test_a_short_form_refuses_unknown_fields_in_its_own_words() -> None:
    with pytest.raises(InvalidRequest) as error:
        wish_of_fields("resize", {"widht": "400", "height": "-1"})

    assert fields(error) == {"widht", "height"}


def test_a_short_form_of_an_unknown_operation_is_not_found() -> None:
    with pytest.raises(NotFound, match="zap"):
        wish_of_fields("zap", {})


def test_a_watermark_short_form_keeps_image_id_for_the_mark() -> None:
    wish = wish_of_fields("watermark", {"image_id": "mark", "input": '{"image_id": "photo"}'})

    assert wish.image_id == "photo"
    assert wish.outputs["result"][0].images == ("mark",)
