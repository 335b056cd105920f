"""For random pictures and parameters, the size that a dry run promises is the size that is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from imagemill.errors import OutputImpossible
from imagemill.geometry import Compass
from imagemill.operations.filter import FilterType
from tests.operations.mill import Levels, made, predicted
from tests.pictures.draw import png

pytestmark = pytest.mark.slow

Strategy = some.SearchStrategy[Any]
Strategies = dict[str, Strategy]
Outcome = Callable[..., tuple[int, int] | None]

SIDES = some.integers(1, 90)
WANTED = some.integers(1, 150)
FRACTIONS = some.floats(0, 1)
COMPASS = some.sampled_from([each.value for each in Compass])
COLOURS = some.sampled_from(["transparent", "white", "#ff000080", "rgb(10 20 30)"])
BANDS = some.integers(1, 4)


def step(op: str, required: Strategies, **optional: Strategy) -> Strategy:
    return some.fixed_dictionaries({"op": some.just(op), **required}, optional=optional)


def with_focus(plain: Strategy) -> Strategy:
    return some.builds(
        lambda given, x, y: {**given, "focus_x": x, "focus_y": y}, plain, FRACTIONS, FRACTIONS
    )


RESIZES = some.one_of(
    step("resize", {"width": WANTED}, height=WANTED, dpr=some.floats(0.1, 3)),
    step("resize", {"height": WANTED}, dpr=some.floats(0.1, 3)),
    step(
        "resize",
        {"width": WANTED, "height": WANTED},
        fit=some.sampled_from(["cover", "contain", "fill", "inside", "outside"]),
        enlarge=some.booleans(),
        gravity=COMPASS,
        background=COLOURS,
    ),
    with_focus(step("resize", {"width": WANTED, "height": WANTED}, enlarge=some.booleans())),
)
CROPS = some.one_of(
    step("crop", {"width": WANTED}, height=WANTED, gravity=COMPASS),
    step("crop", {"left": SIDES, "top": SIDES, "width": SIDES, "height": SIDES}),
    with_focus(step("crop", {"ratio": some.builds("{}:{}".format, WANTED, WANTED)})),
)
TURNS = step(
    "rotate",
    {"angle": some.one_of(some.sampled_from([0, 90, 180, 270, -90, 45]), some.floats(-720, 720))},
    expand=some.booleans(),
    background=COLOURS,
)
PADS = some.one_of(
    step("pad", {"top": WANTED}, left=WANTED, right=WANTED, bottom=WANTED, background=COLOURS),
    step("pad", {"width": WANTED}, height=WANTED, gravity=COMPASS),
    step("pad", {"height": WANTED}, extend=some.sampled_from(["background", "edge", "mirror"])),
)
LOOKS = some.one_of(
    step("flip", {}),
    step("flop", {}),
    step("blur", {"sigma": some.floats(0.3, 8)}),
    step("sharpen", {}, amount=some.floats(0, 3)),
    step("adjust", {}, hue=some.floats(-180, 180), gamma=some.floats(0.3, 3)),
    step("filter", {"type": some.sampled_from([each.value for each in FilterType])}),
    step("watermark", {"text": some.just("ab")}, angle=some.floats(-90, 90), tiled=some.booleans()),
)


def drawn(width: int, height: int, bands: int) -> Levels:
    noise = np.random.default_rng(seed=3).integers(0, 256, (height, width, bands))
    return noise.astype(np.uint8)


@settings(max_examples=300, deadline=None)
@given(SIDES, SIDES, BANDS, some.one_of(RESIZES, CROPS, TURNS, PADS))
def test_the_size_of_one_step_is_the_size_predicted(
    width: int, height: int, bands: int, one: dict[str, Any]
) -> None:
    original = png(drawn(width, height, bands))

    outcomes = [outcome(original, one, how=how) for how in (predicted, real)]

    assert outcomes[0] == outcomes[1]


@settings(max_examples=150, deadline=None)
@given(
    SIDES,
    SIDES,
    BANDS,
    some.lists(some.one_of(RESIZES, CROPS, TURNS, PADS, LOOKS), min_size=2, max_size=4),
)
def test_the_size_of_several_steps_is_the_size_predicted(
    width: int, height: int, bands: int, several: list[dict[str, Any]]
) -> None:
    original = png(drawn(width, height, bands))

    outcomes = [outcome(original, *several, how=how) for how in (predicted, real)]

    assert outcomes[0] == outcomes[1]


def real(original: bytes, *steps: dict[str, Any]) -> tuple[int, int]:
    return made(original, *steps).size


def outcome(original: bytes, *steps: dict[str, Any], how: Outcome) -> object:
    """Give the size, or that there can be none: a prediction must also tell the refusal."""
    try:
        return how(original, *steps)
    except OutputImpossible:
        return OutputImpossible
