"""What filters and sharpen leave alone: alpha, noise, and what intensity holds back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from tests.operations import references as ref
from tests.operations.distance import mean_and_most
from tests.operations.mill import made, plain
from tests.pictures.draw import picture, png, scene

KEEPING = (
    {"op": "adjust", "hue": 90, "gamma": 2, "contrast": 3},
    {"op": "sharpen", "amount": 5},
    *(
        {"op": "filter", "type": name}
        for name in (
            "grayscale", "sepia", "invert", "posterize", "edge_detection", "emboss", "median",
            "pixelate",
        )
    ),
)  # fmt: skip


@pytest.mark.parametrize("step", KEEPING, ids=lambda step: "-".join(map(str, step.values())))
@pytest.mark.parametrize("name", ["alpha.png", "grey_alpha.png"])
def test_alpha_stays_as_it_is(name: str, step: dict[str, Any]) -> None:
    after = made(picture(name), step).levels

    assert np.array_equal(after[..., -1], plain(picture(name))[..., -1])


@pytest.mark.parametrize("step", [{"op": "blur", "sigma": 4}, *KEEPING[1:2], *KEEPING[-4:]])
def test_hidden_colour_does_not_leak_into_what_is_seen(step: dict[str, Any]) -> None:
    clean = plain(picture("alpha.png")).copy()
    clean[clean[..., 3] == 0] = (255, 0, 255, 0)

    one, other = made(picture("alpha.png"), step).levels, made(png(clean), step).levels

    assert mean_and_most(one, other)[1] <= 1


def test_differences_below_the_threshold_are_not_sharpened() -> None:
    step = {"op": "sharpen", "sigma": 1.5, "amount": 2, "threshold": 12}

    after = made(picture("opaque.png"), step).levels

    wanted = ref.sharpened(scene(), 1.5, 2, threshold=12)
    apart = np.abs(after - wanted)
    # At the threshold itself a hundredth of a level decides: a pixel in a thousand may differ.
    assert float(np.mean(apart > 2)) < 0.004


@pytest.mark.parametrize("name", ["opaque.png", "alpha.png", "grey.png"])
def test_half_a_filter_lies_half_way(name: str) -> None:
    step = {"op": "filter", "type": "invert", "intensity": 0.5}

    after = made(picture(name), step).levels

    before = plain(picture(name))
    colour = slice(None, -1) if ref.has_alpha(before) else slice(None)
    assert np.abs(after[..., colour] - 127.5).max() <= 0.5


@pytest.mark.parametrize("amount", [0, 1e-9])
def test_sharpening_by_nothing_changes_nothing(amount: float) -> None:
    after = made(picture("alpha.png"), {"op": "sharpen", "amount": amount}).levels

    assert np.array_equal(after, plain(picture("alpha.png")))


def test_a_grey_picture_stays_grey_unless_it_gets_colour() -> None:
    looks = {name: made(picture("grey.png"), {"op": "filter", "type": name}).levels.shape[-1]
             for name in ("grayscale", "invert", "edge_detection", "sepia")}  # fmt: skip

    assert looks == {"grayscale": 1, "invert": 1, "edge_detection": 1, "sepia": 3}


@pytest.mark.parametrize("look", ["grayscale", "edge_detection"])
@pytest.mark.parametrize(
    ("name", "format_", "mode"),
    [
        ("opaque.png", "jpeg", "L"),
        ("opaque.png", "png", "L"),
        ("opaque.png", "tiff", "L"),
        ("opaque.png", "webp", "RGB"),
        ("alpha.png", "png", "LA"),
        ("alpha.png", "webp", "RGBA"),
    ],
)
def test_grey_is_written_as_one_band_where_the_format_can_hold_it(
    name: str, format_: str, mode: str, look: str
) -> None:
    step = {"op": "filter", "type": look}

    after = made(picture(name), step, end={"op": "convert", "format": format_})

    with Image.open(io.BytesIO(after.content)) as file:
        assert file.mode == mode


def test_grey_in_the_colours_of_a_kept_profile_keeps_the_bands_of_the_profile() -> None:
    end = {"op": "convert", "format": "png", "keep_profile": True}
    wide = pyvips.Image.new_from_buffer(picture("opaque.png"), "").icc_transform("p3")

    after = made(wide.pngsave_buffer(), {"op": "filter", "type": "grayscale"}, end=end)

    with Image.open(io.BytesIO(after.content)) as file:
        assert (file.mode, bool(file.info.get("icc_profile"))) == ("RGB", True)


@pytest.mark.parametrize("gamma", [0.1, 0.45, 2.2, 10])
def test_gamma_is_exact_after_colours_were_mixed(gamma: float) -> None:
    step = {"op": "adjust", "saturation": 1.4, "hue": 30, "gamma": gamma}

    after = made(picture("opaque.png"), step).levels

    wanted = ref.css(scene(), saturation=1.4, hue=30, gamma=gamma)
    assert np.abs(after - wanted).max() <= 0.6
