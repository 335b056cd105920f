"""A resize keeps what it is told to keep."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imagemill.errors import InvalidRequest
from imagemill.operations import operations
from imagemill.pipeline import normal, parse
from tests.engine.orders_given import Levels, Steps, landscape, rendered, saved

WIDE = landscape(120, 60)
PNG = saved(WIDE, "PNG")


@pytest.mark.parametrize(("word", "fit"), [(True, "inside"), (False, "fill"), ("true", "inside")])
def test_keeping_the_ratio_is_another_word_for_a_fit(word: object, fit: str) -> None:
    one = parse([{"op": "resize", "width": 9, "height": 9, "maintain_aspect_ratio": word}])
    other = parse([{"op": "resize", "width": 9, "height": 9, "fit": fit}])

    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({}, "give width, height or both"),
        ({"width": 5, "focus_x": 0.5}, "focus_x and focus_y go together"),
        ({"width": 5, "height": 5, "fit": "contain", "gravity": "entropy"}, "compass point"),
        ({"width": 5, "maintain_aspect_ratio": "perhaps"}, "is true or false"),
        ({"width": 5, "maintain_aspect_ratio": True, "fit": "fill"}, "either fit or"),
        ({"width": 0}, "at least 1"),
        ({"width": 5, "colour": "red"}, "is not known here"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    parameters: dict[str, object], problem: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse([{"op": "resize", **parameters}])

    assert problem in refused.value.errors[0].problem


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [("west", 0, 0), ("center", 30, 0), ("east", 60, 0), ("northeast", 60, 0)],
)
def test_gravity_says_which_part_stays(gravity: str, left: int, top: int) -> None:
    levels = _made(width=60, height=60, gravity=gravity)

    assert np.array_equal(levels, np.asarray(WIDE)[top : top + 60, left : left + 60])


@pytest.mark.parametrize(("focus", "left"), [((0.0, 0.5), 0), ((0.6, 0.1), 42), ((1, 1), 60)])
def test_a_focal_point_stands_in_the_middle_as_far_as_it_can(
    focus: tuple[float, float], left: int
) -> None:
    levels = _made(width=60, height=60, focus_x=focus[0], focus_y=focus[1])

    assert np.array_equal(levels, np.asarray(WIDE)[:, left : left + 60])


@pytest.mark.parametrize("gravity", ["attention", "entropy"])
def test_what_draws_the_eye_stays_in_sight(gravity: str) -> None:
    plain = np.full((60, 240, 3), 200, dtype=np.uint8)
    plain[10:50, 180:225] = np.random.default_rng(3).integers(0, 255, (40, 45, 3))

    levels = _made(plain, width=60, height=60, gravity=gravity)

    assert levels.std() > 30


def test_contain_shows_all_on_the_background() -> None:
    levels = _made(width=120, height=100, fit="contain", background="#010203")

    assert np.array_equal(levels[20:80], np.asarray(WIDE))
    assert (levels[:20] == (1, 2, 3)).all()
    assert (levels[80:] == (1, 2, 3)).all()


def test_contain_adds_transparency_when_the_background_is_clear() -> None:
    levels = _made(width=120, height=100, fit="contain", gravity="south")

    assert levels.shape == (100, 120, 4)
    assert (levels[:40, :, 3] == 0).all()
    assert (levels[40:, :, 3] == 255).all()


def test_dpr_multiplies_both_sides() -> None:
    assert _made(width=20, height=10, dpr=2.5).shape == (25, 50, 3)


def test_every_field_says_what_it_is() -> None:
    for name in ("resize", "convert", "metadata"):
        fields = operations()[name].model_fields
        assert all(field.description for key, field in fields.items() if key != "op")


def _made(picture: Levels | None = None, **parameters: object) -> Levels:
    original = PNG if picture is None else saved(Image.fromarray(picture), "PNG")
    steps: Steps = [{"op": "resize", **parameters}, {"op": "convert", "format": "png"}]
    return rendered(original, steps).levels()
