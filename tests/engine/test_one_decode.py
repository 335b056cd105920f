"""Many outputs cost one decode, and none of them looks different for it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagemill.contracts.facts import Limits
from imagemill.engine import render
from imagemill.engine.orders import RenderOrder
from imagemill.engine.pyramid import depth, kept
from imagemill.geometry import Size
from tests.engine.orders_given import Steps, landscape, memory_file, rendered, saved
from tests.operations.distance import psnr
from tests.pictures import draw

PHOTO = landscape(1200, 900)
JPEG = saved(PHOTO, "JPEG", quality=92)
PNG = saved(PHOTO.resize((600, 450)), "PNG")
FIVE: Mapping[str, Steps] = {
    f"{width}.{form}": [{"op": "resize", "width": width}, {"op": "convert", "format": form}]
    for width, form in [(480, "jpeg"), (240, "jpeg"), (240, "webp"), (120, "webp"), (60, "png")]
}


def test_five_renditions_cost_one_decode() -> None:
    answer = rendered(JPEG, FIVE).answer

    assert answer.decodes == 1
    assert set(answer.outputs) == set(FIVE)


def test_five_renditions_read_the_file_once() -> None:
    with ExitStack() as files:
        original = memory_file(JPEG, files)
        targets = [memory_file(b"", files) for _ in FIVE]
        order = RenderOrder.model_validate({"limits": Limits(), "outputs": FIVE})
        before = _bytes_read()

        render.render(order, original, [], targets)

        # The header is read for the facts, then again by the decoder; the pixels only once.
        assert _bytes_read() - before < len(JPEG) * 1.1 + 50_000


@pytest.mark.parametrize("original", [JPEG, PNG, draw.picture("alpha.png")])
def test_an_output_is_the_same_file_alone_and_among_others(original: bytes) -> None:
    steps: Steps = [{"op": "resize", "width": 45}, {"op": "convert", "format": "png"}]
    large: Steps = [{"op": "resize", "width": 480}, {"op": "convert", "format": "png"}]
    same: Steps = [{"op": "resize", "width": 44}, {"op": "convert", "format": "jpeg"}]

    among = rendered(original, {"large": large, "small": steps, "same": same})
    beside = rendered(original, {"small": steps, "large": large})

    assert among.answer.decode_shrink == beside.answer.decode_shrink
    assert among.files["small"] == beside.files["small"]
    assert among.files["large"] == rendered(original, large).files["made"]


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(8, 600), min_size=1, max_size=5), st.booleans())
def test_siblings_never_change_a_file(widths: list[int], whole: bool) -> None:  # noqa: FBT001 - hypothesis draws it.
    others = {f"o{width}": _to(width) for width in widths}
    others |= {"whole": [{"op": "flip"}, {"op": "convert", "format": "png"}]} if whole else {}

    together = rendered(PNG, {"mine": _to(97), **others})

    assert together.files["mine"] == rendered(PNG, _to(97)).files["made"]


@pytest.mark.parametrize("name", ["animated.gif", "animated.webp"])
def test_a_still_of_an_animation_is_the_same_beside_a_moving_one(name: str) -> None:
    still = _to(50)
    moving: Steps = [{"op": "resize", "width": 60}, {"op": "convert", "format": "webp"}]

    both = rendered(draw.picture(name), {"still": still, "moving": moving})

    assert both.answer.outputs["moving"].frames == draw.FRAMES
    assert both.files["still"] == rendered(draw.picture(name), still).files["made"]


@pytest.mark.parametrize(
    ("widths", "shrink"),
    [
        ([1200], 1),
        ([601], 1),
        ([301], 1),
        ([300], 2),
        ([151], 2),
        ([150], 4),
        ([75], 8),
        ([10], 8),
        ([75, 300], 2),
        ([75, 600], 1),
    ],
)
def test_the_decoder_makes_it_as_small_as_the_largest_output_lets_it(
    widths: list[int], shrink: int
) -> None:
    answer = rendered(JPEG, {str(width): _to(width) for width in widths}).answer

    assert answer.decode_shrink == shrink


def test_fast_leaves_the_decoder_no_margin() -> None:
    steps: Steps = [
        {"op": "resize", "width": 600, "fast": True},
        {"op": "convert", "format": "png"},
    ]

    made = rendered(JPEG, steps)

    assert made.answer.decode_shrink == 2
    assert made.image().size == (600, 450)


def test_an_output_that_needs_every_pixel_keeps_the_decoder_from_shrinking() -> None:
    whole: Steps = [{"op": "blur", "sigma": 1}, {"op": "resize", "width": 50}]

    answer = rendered(JPEG, {"small": _to(50), "whole": whole}).answer

    assert answer.decode_shrink == 1


@pytest.mark.parametrize("width", [900, 480, 301, 150, 77, 31])
@pytest.mark.parametrize("original", [JPEG, PNG], ids=["jpeg", "png"])
def test_quality_is_that_of_libvips_thumbnails(original: bytes, width: int) -> None:
    made = rendered(original, _to(width)).levels()
    height = made.shape[0]
    full = Image.open(io.BytesIO(original)).convert("RGB")
    wanted = np.asarray(full.resize((made.shape[1], height), Image.Resampling.LANCZOS))
    thumbnail = pyvips.Image.thumbnail_buffer(
        original, made.shape[1], height=height, size="force", no_rotate=True
    ).numpy()

    # Half a decibel: what is averaged first differs. From 50 dB on, no level is off by two.
    assert psnr(made, wanted) >= min(psnr(thumbnail, wanted) - 0.5, 50)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_means_upright_after_every_way_of_scaling(orientation: int) -> None:
    original = draw.picture(f"orientation_{orientation}.jpg")
    steps: Steps = [{"op": "resize", "width": 48}, {"op": "convert", "format": "png"}]
    wanted = Image.fromarray(draw.scene()).resize((48, 30), Image.Resampling.LANCZOS)

    alone = rendered(original, steps).levels()
    among = rendered(original, {"made": steps, "other": _to(20)}).levels()

    assert np.array_equal(alone, among)
    assert psnr(alone, np.asarray(wanted)) > 26


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
)
def test_a_level_is_the_smallest_that_leaves_the_margin(
    stored: tuple[int, int], wanted: tuple[int, int]
) -> None:
    level = depth(Size(*stored), Size(*wanted))

    # Half a pixel is what a side may have been rounded up by.
    fits = [stored[side] >= (2 * wanted[side] - 1) << level for side in (0, 1)]
    next_fits = [stored[side] >= 4 * wanted[side] << level for side in (0, 1)]
    next_is_whole = [stored[side] % (2 << level) == 0 for side in (0, 1)]
    assert level == 0 or all(fits)
    assert not all(next_fits + next_is_whole)


def test_a_level_is_kept_when_two_things_are_made_of_it() -> None:
    stored = Size(4000, 3000)

    assert kept(stored, [Size(400, 300)], 0) == frozenset()
    assert kept(stored, [Size(400, 300), Size(410, 308)], 0) == {2}
    assert kept(stored, [Size(1600, 1200), Size(800, 600), Size(200, 150)], 0) == {0, 1}
    assert kept(stored, [Size(400, 300)], 1) == {0}
    assert kept(stored, [], 2) == {0}


def _to(width: int) -> Steps:
    return [{"op": "resize", "width": width}, {"op": "convert", "format": "png", "effort": 1}]


def _bytes_read() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])
