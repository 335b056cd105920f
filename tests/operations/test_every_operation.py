"""What holds for every operation there is: the suite that a new file in the folder must pass."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagemill import pipeline
from imagemill.errors import InvalidRequest, OutputImpossible
from imagemill.operations import Example, Kind, Step, operations
from imagemill.operations.resize import Resize
from tests.operations.mill import MOVING, STILL, Made, facts, made, plain, predicted
from tests.pictures.draw import FRAMES, picture, png, scene

KINDS = (
    "opaque.png",
    "alpha.png",
    "grey.png",
    "deep_16bit.png",
    "cmyk_icc.jpg",
    "orientation_6.jpg",
)
MARK = "mark"


def every_example(*kinds: Kind) -> list[Any]:
    return [
        pytest.param(name, example, id=f"{name}: {example.title}")
        for name, step in operations().items()
        if step.kind in kinds
        for example in step.examples
    ]


def step_of(name: str, example: Example) -> dict[str, Any]:
    return {"op": name, **example.parameters}


def run(name: str, *steps: Mapping[str, Any], end: Mapping[str, Any] = STILL) -> Made:
    return made(picture(name), *steps, end=end, pictures={MARK: picture("mark.png")})


@pytest.mark.parametrize("op", list(operations()))
def test_an_operation_has_examples_and_says_what_it_does(op: str) -> None:
    step = operations()[op]

    page = step.__doc__ or ""

    assert step.examples
    assert len(page.splitlines()) > 2
    assert page.split("\n", maxsplit=1)[0].endswith(".") or "\n\n" in page


@pytest.mark.parametrize("op", list(operations()))
def test_every_parameter_says_what_it_means(op: str) -> None:
    fields = operations()[op].model_fields

    silent = [name for name, field in fields.items() if name != "op" and not field.description]

    assert silent == []


@pytest.mark.parametrize("op", list(operations()))
def test_every_number_has_bounds(op: str) -> None:
    schema = operations()[op].model_json_schema()["properties"]

    forms = [(name, form) for name, field in schema.items() for form in _forms(field)]
    open_ended = [
        name
        for name, form in forms
        if form.get("type") in {"integer", "number"} and not _bounds(form)
    ]

    assert open_ended == []


@pytest.mark.parametrize("op", list(operations()))
def test_an_unknown_field_is_refused_by_name(op: str) -> None:
    example = operations()[op].examples[0]

    with pytest.raises(InvalidRequest) as refusal:
        pipeline.parse_step({**step_of(op, example), "sise": 3}, at="outputs.small.0")

    assert [error.field for error in refusal.value.errors] == ["outputs.small.0.sise"]


@pytest.mark.parametrize(("op", "example"), every_example(*Kind))
def test_an_example_has_one_normal_form_however_often_it_is_written(
    op: str, example: Example
) -> None:
    once = pipeline.normal(pipeline.parse([step_of(op, example)]))

    twice = pipeline.normal(pipeline.parse(json.loads(json.dumps(once))))

    assert twice == once


@pytest.mark.parametrize("op", list(operations()))
def test_defaults_written_out_are_the_same_work_as_defaults_left_out(op: str) -> None:
    step = pipeline.parse_step(step_of(op, operations()[op].examples[0]))

    written_out = pipeline.parse_step(step.model_dump(mode="json", exclude_none=True))

    assert written_out == step


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("op", "example"), every_example(Kind.PIXELS))
def test_an_example_makes_the_size_and_transparency_that_are_predicted(
    op: str, example: Example, name: str
) -> None:
    step = pipeline.parse_step(step_of(op, example))
    frame = step.frame(pipeline.first_frame(facts(picture(name))))

    result = run(name, step_of(op, example))

    output = result.answer.outputs["made"]
    assert result.size == (output.width, output.height)
    assert frame is None or (frame.width, frame.height) == result.size
    assert frame is None or frame.has_alpha == (result.levels.shape[-1] in {2, 4})
    assert predicted(picture(name), step_of(op, example)) == (frame and result.size)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 1), (40, 1, 4)])
@pytest.mark.parametrize(("op", "example"), every_example(*Kind))
def test_the_smallest_pictures_are_worked_on_or_refused_with_a_reason(
    op: str, example: Example, shape: tuple[int, int, int]
) -> None:
    steps = [step_of(op, example)]
    end = steps.pop() if operations()[op].kind is not Kind.PIXELS else STILL

    try:
        outcome = made(png(np.full(shape, 200, dtype=np.uint8)), *steps, end=end).content
    except OutputImpossible as refusal:
        outcome = refusal.message.encode()

    assert outcome


@pytest.mark.parametrize(("op", "example"), every_example(Kind.PIXELS))
@pytest.mark.parametrize("file", ["PNG", "JPEG"])
def test_a_tall_picture_is_worked_on_as_it_streams_by(op: str, example: Example, file: str) -> None:
    tall = np.tile(scene(), (40, 2, 1))
    original = io.BytesIO()
    Image.fromarray(tall).save(original, file)

    streamed = made(original.getvalue(), step_of(op, example))

    held = made(png(plain(original.getvalue())), {"op": "rotate", "angle": 0}, step_of(op, example))
    assert np.array_equal(streamed.levels, held.levels) or operations()[op] is Resize


@pytest.mark.parametrize(("op", "example"), every_example(Kind.PIXELS))
def test_an_example_keeps_the_frames_of_an_animation(op: str, example: Example) -> None:
    result = run("animated.webp", step_of(op, example), end=MOVING)

    with Image.open(io.BytesIO(result.content)) as file:
        count = getattr(file, "n_frames", 1)

    assert (count, result.answer.outputs["made"].frames) == (FRAMES, FRAMES)
    assert len({frame.shape for frame in result.frames}) == 1
    assert not np.array_equal(result.frames[0], result.frames[1])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("op", "example"), every_example(Kind.ENCODING))
def test_an_encoding_writes_a_file_of_the_format_and_size_that_it_says(
    op: str, example: Example, name: str
) -> None:
    result = made(picture(name), end=step_of(op, example))

    output = result.answer.outputs["made"]
    with Image.open(io.BytesIO(result.content)) as file:
        assert file.format is not None
        assert file.format.lower() == output.format
    assert output.size_bytes == len(result.content)
    assert (output.width, output.height) == result.size
    assert predicted(picture(name)) == result.size


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("op", "example"), every_example(Kind.DATA))
def test_data_is_json(op: str, example: Example, name: str) -> None:
    result = made(picture(name), end=step_of(op, example))

    assert json.loads(result.content)
    assert result.answer.outputs["made"].format == "json"


def test_a_folder_without_an_operation_for_each_file_would_be_noticed() -> None:
    expected = {
        "adjust", "blur", "convert", "crop", "filter", "flip", "flop", "metadata", "pad",
        "resize", "rotate", "sharpen", "trim", "watermark",
    }  # fmt: skip

    assert expected <= set(operations())
    assert all(issubclass(step, Step) for step in operations().values())


def _forms(field: dict[str, Any]) -> list[dict[str, Any]]:
    return [field, *field.get("anyOf", ())]


def _bounds(form: dict[str, Any]) -> bool:
    low = {"minimum", "exclusiveMinimum"} & form.keys()
    high = {"maximum", "exclusiveMaximum"} & form.keys()
    return bool(low and high)
