"""What a child tells of its time becomes parts of a span, and an output has one name in numbers."""

from __future__ import annotations

import pytest

from imagemill.contracts.facts import Format
from imagemill.engine.orders import Answer, Rendered
from imagemill.worker.phases import operation_of, phases_of


def test_decoding_comes_first_and_each_output_has_its_steps_and_its_encoding() -> None:
    made = Rendered(
        format=Format.PNG,
        width=1,
        height=1,
        size_bytes=1,
        began_ms=30,
        steps_ms=10,
        milliseconds=50,
    )

    phases = list(phases_of(Answer(outputs={"a": made}, opened_ms=5, decoded_ms=20)))

    assert [(each.name, each.begins_s, each.ends_s) for each in phases] == [
        ("image.decode", 0.005, 0.025),
        ("image.steps", 0.03, 0.04),
        ("image.encode", 0.04, 0.08),
    ]


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (["resize", "convert"], "resize"),
        (["convert"], "convert"),
        (["metadata"], "metadata"),
        (["resize", "blur", "convert"], "pipeline"),
    ],
)
def test_an_output_is_named_after_its_one_operation(steps: list[str], name: str) -> None:
    assert operation_of([{"op": each} for each in steps]) == name
