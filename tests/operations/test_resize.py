"""Scaled pixels are those of Pillow's Lanczos, cut and padded where they should be."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.operations import references as ref
from tests.operations.distance import psnr, visible
from tests.operations.mill import MOVING, Levels, made, plain
from tests.pictures.draw import picture, scene

NEAR_DB = 38.0
"""The kernels are the same; libvips rounds between its two passes, and both round at the end."""


def lanczos(levels: Levels, width: int, height: int) -> Levels:
    whole = np.rint(visible(levels)).astype(np.uint8)
    bands = [
        Image.fromarray(band).resize((width, height), Image.Resampling.LANCZOS)
        for band in np.moveaxis(whole, -1, 0)
    ]
    scaled = np.dstack([np.asarray(band) for band in bands])
    return straight(scaled) if ref.has_alpha(levels) else scaled


def straight(levels: Levels) -> Levels:
    """Take alpha out of the colour again."""
    alpha = levels[..., -1:].astype(float)
    colour = np.divide(levels[..., :-1] * 255.0, alpha, where=alpha > 0, out=levels[..., :-1] * 0.0)
    return np.dstack([np.clip(np.rint(colour), 0, 255), alpha]).astype(np.uint8)


@pytest.mark.parametrize(
    "name",
    [
        "opaque.png",
        "alpha.png",
        "grey.png",
        "grey_alpha.png",
        "deep_16bit.png",
        "orientation_3.jpg",
        "orientation_6.jpg",
        "orientation_8.jpg",
    ],
)
@pytest.mark.parametrize("size", [(48, 30), (31, 20), (13, 50), (90, 55)])
def test_a_smaller_picture_is_that_of_pillow(name: str, size: tuple[int, int]) -> None:
    step = {"op": "resize", "width": size[0], "height": size[1], "fit": "fill"}

    after = made(picture(name), step)

    assert after.size == size
    assert psnr(after.levels, lanczos(plain(picture(name)), *size)) > NEAR_DB


def test_inks_are_scaled_before_they_are_shown() -> None:
    after = made(picture("cmyk_icc.jpg"), {"op": "resize", "width": 48}).levels

    # The smaller picture is converted, for it has fewer pixels; mixing inks is not mixing light.
    assert psnr(after, lanczos(plain(picture("cmyk_icc.jpg")), 48, 30)) > 34


@pytest.mark.parametrize("gravity", ["northwest", "east", "center", "south"])
def test_cover_is_the_scaled_picture_with_what_hangs_over_cut_off(gravity: str) -> None:
    box = {"op": "resize", "width": 30, "height": 30}

    after = made(picture("opaque.png"), {**box, "gravity": gravity}).levels

    scaled = made(picture("opaque.png"), {**box, "fit": "outside"}).levels
    left = {"northwest": 0, "east": 18, "center": 9, "south": 9}[gravity]
    assert scaled.shape[:2] == (30, 48)
    assert np.array_equal(after, scaled[:, left : left + 30])


def test_contain_is_the_scaled_picture_with_room_round_it() -> None:
    box = {"op": "resize", "width": 40, "height": 40, "background": "#0a141e"}

    after = made(picture("opaque.png"), {**box, "fit": "contain"}).levels

    scaled = made(picture("opaque.png"), {**box, "fit": "inside"}).levels
    assert scaled.shape[:2] == (25, 40)
    assert np.array_equal(after[7:32], scaled)
    assert {tuple(pixel) for row in (after[:7], after[32:]) for pixel in row.reshape(-1, 3)} == {
        (10, 20, 30)
    }


def test_hidden_colour_does_not_bleed_into_scaled_edges() -> None:
    after = made(picture("alpha.png"), {"op": "resize", "width": 24}).levels.astype(float)

    red, green, blue, alpha = np.moveaxis(after, -1, 0)
    assert not ((green > red + 120) & (green > blue + 120) & (alpha > 8)).any()


def test_a_larger_picture_is_that_of_pillow() -> None:
    step = {"op": "resize", "width": 194, "height": 122, "enlarge": True}

    after = made(picture("opaque.png"), step).levels

    wanted = Image.fromarray(scene()).resize((194, 122), Image.Resampling.BICUBIC)
    assert psnr(after, np.asarray(wanted)) > NEAR_DB


def test_every_frame_is_scaled_like_a_picture_of_its_own() -> None:
    step = {"op": "resize", "width": 40, "height": 25, "fit": "fill"}

    frames = made(picture("animated.webp"), step, end=MOVING).frames

    before = made(picture("animated.webp"), end=MOVING).frames
    pairs = zip(frames, before, strict=True)
    assert all(psnr(one[..., :3], lanczos(old[..., :3], 40, 25)) > NEAR_DB for one, old in pairs)


@pytest.mark.parametrize("form", [("JPEG", {"quality": 95}), ("WEBP", {"quality": 95})])
@pytest.mark.parametrize("width", [300, 150, 75])
def test_what_the_decoder_makes_smaller_looks_like_the_whole(
    form: tuple[str, dict[str, Any]], width: int
) -> None:
    large = Image.fromarray(scene()).resize((1200, 760), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, form[0], **form[1])

    result = made(file.getvalue(), {"op": "resize", "width": width})

    whole = plain(file.getvalue())
    assert result.answer.decodes == 1
    assert result.answer.decode_shrink > 1
    assert psnr(result.levels, lanczos(whole, *result.size)) > 36
