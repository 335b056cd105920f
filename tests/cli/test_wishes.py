"""Options become the steps that the API takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagemill.cli.wishes import Wishes, crop_step, free_step, outputs_of, resize_step
from imagemill.errors import InvalidRequest


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ("400x300", {"width": 400, "height": 300}),
        ("400x", {"width": 400}),
        ("x300", {"height": 300}),
    ],
)
def test_a_size_may_leave_one_side_to_the_picture(size: str, sides: dict[str, int]) -> None:
    assert resize_step(size) == {"op": "resize", **sides}


@pytest.mark.parametrize("size", ["x", "", "400", "400x300x2", "-4x3", "4.5x3", "٤x3"])
def test_what_is_no_size_is_refused_with_an_example(size: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resize_step(size)

    assert caught.value.errors[0].field == "--resize"
    assert "400x300" in caught.value.errors[0].problem


def test_a_crop_names_its_corner_or_leaves_it_to_the_middle() -> None:
    assert crop_step("40x30") == {"op": "crop", "width": 40, "height": 30}
    assert crop_step("40x30+5+6") == {"op": "crop", "width": 40, "height": 30, "left": 5, "top": 6}


@pytest.mark.parametrize("area", ["40x", "40x30+5", "40x30-5-6", "all"])
def test_what_is_no_area_is_refused_with_an_example(area: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        crop_step(area)

    assert "400x300+10+20" in caught.value.errors[0].problem


def test_a_step_takes_numbers_words_and_quoted_text() -> None:
    assert free_step("blur sigma=2.5") == {"op": "blur", "sigma": 2.5}
    assert free_step("watermark text='for you' tiled=true gravity=north") == {
        "op": "watermark",
        "text": "for you",
        "tiled": True,
        "gravity": "north",
    }


def test_a_number_stays_text_where_text_is_asked_for() -> None:
    assert free_step("watermark text=2026")["text"] == "2026"


@pytest.mark.parametrize("text", ["", "blur sigma", "blur =2", "blur 'sigma=2"])
def test_what_is_no_step_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        free_step(text)

    assert caught.value.errors[0].field == "--step"


def test_options_come_in_a_fixed_order() -> None:
    wishes = Wishes(
        crop="40x30",
        rotate=90,
        resize="20x",
        fit="inside",
        steps=["blur sigma=2", "flip"],
        format="webp",
        quality=80,
    )

    steps = outputs_of(wishes)["result"]

    assert [step["op"] for step in steps] == ["crop", "rotate", "resize", "blur", "flip", "convert"]
    assert steps[2] == {"op": "resize", "width": 20, "fit": "inside"}
    assert steps[-1] == {"op": "convert", "format": "webp", "quality": 80}


def test_no_option_leaves_the_pipeline_empty() -> None:
    assert outputs_of(Wishes()) == {"result": []}


def test_fit_without_a_size_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        outputs_of(Wishes(fit="cover"))

    assert caught.value.errors[0].field == "--fit"


@pytest.mark.parametrize(
    "written",
    [
        {"outputs": {"small": [{"op": "flip"}], "big": []}},
        {"small": [{"op": "flip"}], "big": []},
    ],
)
def test_a_file_may_name_several_outputs(tmp_path: Path, written: object) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps(written))

    outputs = outputs_of(Wishes(pipeline=file))

    assert outputs == {"small": [{"op": "flip"}], "big": []}


def test_a_file_with_a_list_is_one_output(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text('[{"op": "flip"}]')

    assert outputs_of(Wishes(pipeline=file)) == {"result": [{"op": "flip"}]}


@pytest.mark.parametrize("text", ["{", "3", "{}", '{"a": 1}', '{"outputs": 3}', "null"])
def test_a_file_that_holds_no_pipeline_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(text)

    with pytest.raises(InvalidRequest) as caught:
        outputs_of(Wishes(pipeline=file))

    assert caught.value.errors[0].field == "--pipeline"


def test_a_file_and_short_options_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text("[]")

    with pytest.raises(InvalidRequest) as caught:
        outputs_of(Wishes(pipeline=file, resize="4x3"))

    assert "alone" in caught.value.errors[0].problem
