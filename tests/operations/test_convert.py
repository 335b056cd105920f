"""What is written can be read by another program, and looks like what went in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.operations import references as ref
from tests.operations.distance import psnr
from tests.operations.mill import Levels, made, plain
from tests.pictures.draw import picture

STILL = ("opaque.png", "alpha.png", "grey.png", "grey_alpha.png", "deep_16bit.png", "cmyk_icc.jpg")


def in_bands_of(levels: Levels, like: Levels) -> Levels:
    """Give grey three equal bands where a format knows no grey."""
    if levels.shape[-1] == like.shape[-1]:
        return levels
    grey, *alpha = np.moveaxis(levels, -1, 0)
    return np.dstack([grey, grey, grey, *alpha])


@pytest.mark.parametrize("name", STILL)
@pytest.mark.parametrize(
    "step", [{"format": "png"}, {"format": "tiff"}, {"format": "webp", "lossless": True}]
)
def test_a_lossless_file_holds_every_level(name: str, step: dict[str, Any]) -> None:
    before = plain(picture(name))

    after = made(picture(name), end={"op": "convert", **step}).levels

    wanted = in_bands_of(before, after)
    visible = wanted[..., -1] > 0 if ref.has_alpha(before) else np.ones(before.shape[:2], bool)
    assert np.array_equal(after[visible], wanted[visible])


@pytest.mark.parametrize("name", STILL)
@pytest.mark.parametrize(
    ("step", "least_db"),
    [
        ({"format": "webp", "quality": 90}, 27),
        ({"format": "avif", "quality": 80, "chroma": "444"}, 33),
        ({"format": "gif"}, 27),
    ],
)
def test_a_lossy_file_looks_like_what_went_in(
    name: str, step: dict[str, Any], least_db: float
) -> None:
    before = plain(picture(name))
    if step["format"] == "gif" and ref.has_alpha(before):
        before = made(picture("opaque.png")).levels
        name = "opaque.png"

    after = made(picture(name), end={"op": "convert", **step}).levels

    wanted = in_bands_of(before, after[..., : 3 + ref.has_alpha(before)])
    assert psnr(after[..., : wanted.shape[-1]], wanted) > least_db


@pytest.mark.parametrize("name", STILL)
@pytest.mark.parametrize(("quality", "least_db"), [(50, 26), (80, 29), (95, 38)])
def test_a_jpeg_is_as_near_as_its_quality_says(name: str, quality: int, least_db: float) -> None:
    step = {"op": "convert", "format": "jpeg", "quality": quality, "background": "#406080"}
    before = plain(picture(name))

    after = made(picture(name), end=step).levels

    ground = np.full((*before.shape[:2], 3), (64, 96, 128), dtype=np.uint8)
    wanted = (
        np.rint(ref.over(ground, _rgba(before), 0, 0)).astype(np.uint8)
        if ref.has_alpha(before)
        else in_bands_of(before, after)
    )
    assert psnr(after, wanted) > least_db


@pytest.mark.parametrize("max_bytes", [1500, 2500, 4000])
@pytest.mark.parametrize("form", ["jpeg", "webp", "avif", "png"])
def test_a_file_is_as_large_as_it_may_be_and_no_larger(form: str, max_bytes: int) -> None:
    step = {"op": "convert", "format": form, "max_bytes": max_bytes}

    result = made(picture("opaque.png"), end=step)

    assert len(result.content) <= max_bytes


def _rgba(levels: Levels) -> Levels:
    return np.dstack([levels[..., [0] * 3], levels[..., 1:]]) if levels.shape[-1] == 2 else levels
