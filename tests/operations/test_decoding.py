"""Before any step: pictures stand upright, in sRGB, 8 bits a band, and nothing else changes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from tests.operations.distance import mean_and_most, psnr
from tests.operations.mill import MOVING, facts, levels, made, plain
from tests.pictures.draw import DELAY_MS, FRAMES, HEIGHT, WIDTH, moving, picture, scene

ONE_DECODER_FROM_ANOTHER = (0.5, 6.0)
"""Mean and most levels between two JPEG decoders: both are libjpeg, built with other options."""


def by_pillow(name: str) -> Image.Image:
    return Image.open(io.BytesIO(picture(name)))


@pytest.mark.parametrize("number", range(1, 9))
def test_a_picture_stands_upright_however_the_camera_was_held(number: int) -> None:
    name = f"orientation_{number}.jpg"

    upright = plain(picture(name))

    mean, most = mean_and_most(upright, levels(ImageOps.exif_transpose(by_pillow(name))))
    assert (mean <= ONE_DECODER_FROM_ANOTHER[0], most <= ONE_DECODER_FROM_ANOTHER[1]) == (
        True,
        True,
    )
    assert psnr(upright, scene()) > 38
    assert (facts(picture(name)).width, facts(picture(name)).height) == (WIDTH, HEIGHT)


def test_four_inks_are_shown_in_the_colours_of_their_profile() -> None:
    with by_pillow("cmyk_icc.jpg") as inks:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(inks.info["icc_profile"]))
        shown = ImageCms.profileToProfile(
            inks,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
        )
    assert shown is not None

    ours = plain(picture("cmyk_icc.jpg"))

    assert psnr(ours, levels(shown)) > 36


@pytest.mark.parametrize(
    ("name", "bands"),
    [("opaque.png", 3), ("grey.png", 1), ("deep_16bit.png", 3), ("deep_grey_16bit.png", 1)],
)
def test_every_level_comes_through(name: str, bands: int) -> None:
    assert np.array_equal(plain(picture(name)), scene()[..., :bands])


@pytest.mark.parametrize("name", ["alpha.png", "grey_alpha.png"])
def test_alpha_comes_through_with_the_colour_that_it_hides(name: str) -> None:
    assert np.array_equal(plain(picture(name)), levels(by_pillow(name)))


@pytest.mark.parametrize("name", ["animated.webp", "animated.gif"])
def test_an_animation_keeps_its_frames_and_their_time(name: str) -> None:
    result = made(picture(name), end=MOVING)

    assert len(result.frames) == FRAMES
    with Image.open(io.BytesIO(result.content)) as file:
        file.seek(1)
        file.load()
        assert file.info["duration"] == DELAY_MS
    for ours, drawn in zip(result.frames, moving(), strict=True):
        assert psnr(ours[..., :3], drawn) > (60 if name.endswith("webp") else 26)


def test_a_still_format_gets_the_first_frame() -> None:
    assert np.array_equal(plain(picture("animated.webp"))[..., :3], moving()[0])
