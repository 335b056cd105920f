"""Pixels come out right of whatever a file holds, or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from imagemill.engine import profile
from imagemill.errors import Corrupt, PictureRefused, Truncated, UnsupportedFormat
from tests.engine.orders_given import Steps, landscape, rendered, saved
from tests.operations.distance import mean_and_most
from tests.pictures import draw

PLAIN: Steps = [{"op": "convert", "format": "png"}]
SMALL: Steps = [{"op": "resize", "width": 24}, {"op": "convert", "format": "png"}]
PHOTO = landscape(160, 120)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "ICO"])
def test_what_is_stored_without_loss_keeps_every_level(form: str) -> None:
    picture = PHOTO.quantize(64, dither=Image.Dither.NONE) if form == "GIF" else PHOTO
    options = {"sizes": [PHOTO.size]} if form == "ICO" else {}

    levels = rendered(saved(picture, form, **options), PLAIN).levels()

    assert np.array_equal(levels[..., :3], np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_what_is_stored_with_loss_is_decoded_as_pillow_does(form: str) -> None:
    picture = saved(PHOTO, form)

    levels = rendered(picture, PLAIN).levels()

    # Two decoders may round apart, and draw coarse colour finer, by a few levels.
    mean, _ = mean_and_most(levels, np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")))
    assert mean < 1.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_tiff_comes_out_as_grey_or_rgb_of_8_bits(mode: str) -> None:
    picture = _in_mode(mode)

    levels = rendered(saved(picture, "TIFF"), PLAIN).levels()

    assert levels.dtype == np.uint8
    assert levels.shape[2] == {"LA": 2, "RGBA": 4}.get(mode, 1 if mode in {"1", "L", "I;16"} else 3)


def test_sixteen_bits_keep_their_upper_eight() -> None:
    levels = rendered(draw.picture("deep_16bit.png"), PLAIN).levels()

    assert np.array_equal(levels, draw.scene())


def test_alpha_of_sixteen_bits_survives_a_profile() -> None:
    whole = np.dstack([draw.scene(), np.full((draw.HEIGHT, draw.WIDTH), 128, np.uint8)])
    image = pyvips.Image.new_from_array(whole.astype(np.uint16) * 257, interpretation="rgb16")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", _wide_profile())

    levels = rendered(bytes(image.write_to_buffer(".png", keep="icc")), PLAIN).levels()

    assert levels.shape[2] == 4
    assert set(np.unique(levels[..., 3])) == {128}


def test_cmyk_is_no_negative() -> None:
    levels = rendered(draw.picture("cmyk_icc.jpg"), PLAIN).levels()

    mean, _ = mean_and_most(levels, draw.scene())
    assert mean < 12  # The press cannot print all of these colours; a negative is off by 90.


def test_the_colours_of_a_wide_profile_become_those_of_srgb() -> None:
    picture = saved(PHOTO, "PNG", icc_profile=_wide_profile())
    wanted = ImageCms.profileToProfile(
        PHOTO, io.BytesIO(_wide_profile()), ImageCms.createProfile("sRGB")
    )

    levels = rendered(picture, PLAIN).levels()

    mean, most = mean_and_most(levels, np.asarray(wanted))
    assert mean < 1
    assert most <= 4


def test_a_profile_can_be_kept_with_its_colours() -> None:
    picture = saved(PHOTO, "PNG", icc_profile=_wide_profile())

    made = rendered(picture, [{"op": "convert", "format": "png", "keep_profile": True}])

    assert made.image().info["icc_profile"] == _wide_profile()
    assert np.array_equal(made.levels(), np.asarray(PHOTO))


def test_cmyk_becomes_srgb_even_where_profiles_are_kept() -> None:
    picture = saved(PHOTO.convert("CMYK"), "JPEG", quality=95)
    kept = {"op": "convert", "format": "png", "keep_profile": True}

    same = rendered(picture, PLAIN).levels()
    grey = rendered(picture, [{"op": "filter", "type": "grayscale"}, kept]).levels()

    assert np.array_equal(rendered(picture, [kept]).levels(), same)
    assert grey.shape[2] == 1


def test_a_grey_picture_with_a_profile_stays_grey() -> None:
    picture = saved(PHOTO.convert("L"), "PNG", icc_profile=_grey_profile())

    levels = rendered(picture, PLAIN).levels()

    assert levels.shape[2] == 1


def test_a_profile_that_is_srgb_by_its_numbers_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    levels = rendered(saved(PHOTO, "PNG", icc_profile=srgb), PLAIN).levels()

    assert profile.is_srgb(srgb)
    assert not profile.is_srgb(_wide_profile())
    assert np.array_equal(levels, np.asarray(PHOTO))


@pytest.mark.parametrize("broken", [b"", b"no profile", bytes(200), b"\xff" * 4000])
def test_a_broken_profile_is_passed_over(broken: bytes) -> None:
    levels = rendered(saved(PHOTO, "PNG", icc_profile=broken), PLAIN).levels()

    assert np.array_equal(levels, np.asarray(PHOTO))
    assert not profile.is_srgb(broken)
    assert profile.name(broken) is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"])
def test_a_file_that_is_cut_off_is_refused_and_never_half_drawn(form: str) -> None:
    whole = saved(PHOTO, form)

    with pytest.raises(PictureRefused) as refused:
        rendered(whole[: len(whole) * 6 // 10], SMALL)

    assert isinstance(refused.value, (Truncated, Corrupt))


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_a_jpeg_that_is_cut_off_is_called_truncated(cut: float) -> None:
    whole = saved(PHOTO, "JPEG")

    with pytest.raises(Truncated):
        rendered(whole[: int(len(whole) * cut)], SMALL)


def test_damage_in_the_middle_of_a_png_is_called_corrupt() -> None:
    whole = bytearray(saved(PHOTO, "PNG"))
    whole[len(whole) // 2] ^= 0xFF

    with pytest.raises(Corrupt):
        rendered(bytes(whole), SMALL)


def test_a_png_named_as_anything_is_decoded_as_png_and_a_script_behind_it_is_gone() -> None:
    original = saved(PHOTO, "PNG") + b"<script>alert(1)</script>"

    made = rendered(original, PLAIN)

    assert b"<script>" not in made.files["made"]


def test_heic_without_its_extra_says_what_to_do() -> None:
    with pytest.raises(UnsupportedFormat, match="extra `heic`"):
        rendered(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), PLAIN)


def _in_mode(mode: str) -> Image.Image:
    ways: dict[str, Callable[[], Image.Image]] = {
        "LA": lambda: PHOTO.convert("L").convert("LA"),
        "I;16": lambda: Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257),
        "P": lambda: PHOTO.quantize(32),
    }
    return ways.get(mode, lambda: PHOTO.convert(mode))()


def _wide_profile() -> bytes:
    """Give Display P3, as libvips carries it."""
    image = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    return bytes(image.icc_transform("p3", input_profile="srgb").get("icc-profile-data"))


def _grey_profile() -> bytes:
    """Give a profile of one band, with the curve of gamma 1.8."""
    return _profile(b"GRAY", {b"wtpt": _xyz(0.9642, 1.0, 0.8249), b"kTRC": _gamma(1.8)})


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(int(each * 65536).to_bytes(4, "big") for each in values)


def _gamma(value: float) -> bytes:
    power = int(value * 256).to_bytes(2, "big")
    return b"curv" + bytes(4) + (1).to_bytes(4, "big") + power + bytes(2)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    table, body = len(tags).to_bytes(4, "big"), b""
    for key, data in tags.items():
        table += key + (offset + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    size = (offset + len(body)).to_bytes(4, "big")
    head = size + bytes(4) + b"\x02\x10\x00\x00mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    white = _xyz(0.9642, 1.0, 0.8249)[8:]
    return head + bytes(68 - len(head)) + white + bytes(128 - 68 - len(white)) + table + body
