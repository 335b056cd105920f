"""What `imagemill operations` tells of each operation."""

from __future__ import annotations

import json
import shlex

import pytest

from imagemill.cli.operations import operations as show
from imagemill.cli.operations import takes
from imagemill.cli.wishes import free_step
from imagemill.operations import operations
from imagemill.pipeline import parse_step
from tests.cli.programs import imagemill


def test_every_operation_is_listed() -> None:
    said = imagemill("operations")

    listed = {line.split()[0] for line in said.out.splitlines()[1:]}
    assert listed == set(operations())


def test_one_operation_is_shown_with_bounds_defaults_and_examples() -> None:
    said = imagemill("operations", "blur")

    assert said.code == 0
    assert "sigma" in said.out
    assert "≤" in said.out
    assert "--step 'blur" in said.out


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_example_can_be_given_as_a_step(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(name)

    shown = [line for line in capsys.readouterr().out.splitlines() if "    --step " in line]
    typed = [parse_step(free_step(shlex.split(line)[1])) for line in shown]
    examples = operations()[name].examples
    assert typed == [parse_step({"op": name, **each.parameters}) for each in examples]


def test_programs_get_json_schema() -> None:
    described = json.loads(imagemill("operations", "crop", "--json").out)

    assert described["name"] == "crop"
    assert described["parameters"]["properties"]["width"]
    assert described["examples"][0]["parameters"]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer ≥ 1, ≤ 9"),
        ({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, "number > 0"),
        ({"enum": ["a", "b"]}, "a, b"),
        ({"const": "only"}, "only"),
        ({"$ref": "#/$defs/Fit"}, "cover, fill"),
        ({}, "anything"),
    ],
)
def test_what_a_parameter_takes_is_read_from_its_schema(
    about: dict[str, object], words: str
) -> None:
    assert takes(about, {"Fit": {"enum": ["cover", "fill"]}}) == words
