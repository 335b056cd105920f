"""Colours as CSS writes them; Pillow knows the names too, and is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import ImageColor

from imagemill.colour import Colour, parse

LEVELS = some.integers(0, 255)


@pytest.mark.parametrize("name", ImageColor.colormap)
def test_a_name_is_the_colour_that_pillow_knows_by_it(name: str) -> None:
    colour = parse(name)

    assert (colour.red, colour.green, colour.blue, colour.alpha) == (*ImageColor.getrgb(name), 255)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("#fff", "#ffffff"),
        ("#F80A", "#ff8800aa"),
        ("#102030", "#102030"),
        ("#10203040", "#10203040"),
        ("#102030ff", "#102030"),
        ("#ffffffff", "#ffffff"),
        ("rgb(255, 128, 0)", "#ff8000"),
        ("rgb(255 128 0 / 50%)", "#ff800080"),
        ("rgba(255,128,0,0.5)", "#ff800080"),
        ("rgb(100% 50% 0%)", "#ff8000"),
        ("rgb(300, 0, 0)", "#ff0000"),
        (" Rebeccapurple ", "#663399"),
        ("transparent", "#00000000"),
    ],
)
def test_every_spelling_has_one_normal_form(text: str, normal: str) -> None:
    assert str(parse(text)) == normal


@given(some.builds(Colour, LEVELS, LEVELS, LEVELS, LEVELS))
def test_a_colour_that_is_written_and_read_is_the_same(colour: Colour) -> None:
    assert parse(str(colour)) == colour


@pytest.mark.parametrize(
    "text", ["", "#", "#12345", "#ggg", "rgb(1,2)", "rgb(1 2 3 4 5)", "rgb(a,b,c)", "blurple",
             "rgb(-1,0,0)", "url(x)", "#fff;", "rgb(1e9,0,0)"]
)  # fmt: skip
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"colour|number|rgb"):
        parse(text)


def test_a_long_text_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="no colour") as refusal:
        parse("x" * 10_000)

    assert len(str(refusal.value)) < 200
