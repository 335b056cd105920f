"""A probe tells the facts from the header, and refuses by name what is over a limit."""

from __future__ import annotations

import io
import re
import struct
import zlib

import pytest
from PIL import Image

from imagemill.contracts.facts import Format, Limits
from imagemill.engine import probe
from imagemill.errors import (
    Corrupt,
    ImagemillError,
    TooLarge,
    TooManyPixels,
    TooManyScans,
    UnsupportedFormat,
)
from tests.engine.orders_given import facts, landscape, saved
from tests.pictures import draw


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000"])
def test_size_and_format_are_read_from_the_header(form: str) -> None:
    picture = saved(landscape(61, 40), form)

    found = facts(picture)

    assert (found.width, found.height, found.frames) == (61, 40, 1)
    assert found.format.value == {"JPEG2000": "jp2"}.get(form, form.lower())


def test_an_icon_is_as_large_as_its_largest_picture() -> None:
    icon = saved(landscape(64, 64), "ICO", sizes=[(16, 16), (48, 48)])

    found = facts(icon)

    assert (found.format, found.width, found.height) == (Format.ICO, 48, 48)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_facts_are_those_of_the_upright_picture(orientation: int) -> None:
    found = facts(draw.picture(f"orientation_{orientation}.jpg"))

    assert (found.width, found.height) == (draw.WIDTH, draw.HEIGHT)
    assert found.orientation == orientation


@pytest.mark.parametrize(("name", "frames"), [("animated.gif", 3), ("animated.webp", 3)])
def test_frames_of_an_animation_are_counted(name: str, frames: int) -> None:
    assert facts(draw.picture(name)).frames == frames


@pytest.mark.parametrize(
    ("name", "expected"), [("alpha.png", True), ("grey_alpha.png", True), ("opaque.png", False)]
)
def test_transparency_is_told(name: str, expected: bool) -> None:  # noqa: FBT001 - pytest gives it by name.
    assert facts(draw.picture(name)).has_alpha is expected


def test_a_progressive_jpeg_is_told() -> None:
    picture = saved(landscape(40, 30), "JPEG", progressive=True)

    assert facts(picture).progressive


@pytest.mark.parametrize(
    ("limits", "refusal", "limit"),
    [
        (Limits(max_bytes=100), TooLarge, {"max_bytes": 100}),
        (Limits(max_side_px=60), TooManyPixels, {"max_side_px": 60, "side_px": 61}),
        (Limits(max_pixels=2439), TooManyPixels, {"max_pixels": 2439, "pixels": 2440}),
    ],
)
def test_what_is_over_a_limit_is_refused_naming_limit_and_value(
    limits: Limits, refusal: type[ImagemillError], limit: dict[str, int]
) -> None:
    picture = saved(landscape(61, 40), "PNG")

    with pytest.raises(refusal) as refused:
        facts(picture, limits)

    assert limit.items() <= refused.value.limit.items()
    assert all(str(value) in refused.value.message for value in limit.values())


def test_what_is_just_at_the_limits_is_taken() -> None:
    picture = saved(landscape(61, 40), "PNG")

    found = facts(picture, Limits(max_bytes=len(picture), max_side_px=61, max_pixels=2440))

    assert found.width == 61


def test_pixels_are_counted_over_all_frames() -> None:
    picture = draw.picture("animated.gif")
    pixels = draw.WIDTH * draw.HEIGHT * draw.FRAMES

    with pytest.raises(TooManyPixels) as refused:
        facts(picture, Limits(max_pixels=pixels - 1))

    assert refused.value.limit == {"max_pixels": pixels - 1, "pixels": pixels}


def test_frames_are_bounded_even_when_they_hold_one_pixel() -> None:
    with pytest.raises(TooManyPixels) as refused:
        facts(_gif_of_one_pixel(probe.MAX_FRAMES + 1))

    assert refused.value.limit == {"max_frames": 3000, "frames": 3001}


@pytest.mark.parametrize("most", [9, 100])
def test_scans_of_a_jpeg_are_counted_before_it_is_decoded(most: int) -> None:
    picture = _with_more_scans(most)

    with pytest.raises(TooManyScans) as refused:
        facts(picture, Limits(max_scans=most))

    assert refused.value.limit["max_scans"] == most


def test_as_many_scans_as_are_allowed_are_taken() -> None:
    picture = saved(landscape(64, 48), "JPEG", progressive=True)
    scans = len(re.findall(rb"\xff\xda", picture))

    assert facts(picture, Limits(max_scans=scans)).progressive


def test_a_scan_marker_in_a_thumbnail_or_a_tail_does_not_count() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff\xda" * 200
    picture = saved(landscape(64, 48), "JPEG", progressive=True, exif=exif) + b"\xff\xda" * 200

    assert facts(picture, Limits(max_scans=20)).progressive


def test_a_jpeg_of_nothing_but_segments_is_refused_soon() -> None:
    whole = saved(landscape(64, 48), "JPEG", progressive=True)
    first = whole.index(b"\xff\xda")
    padded = whole[:first] + b"\xff\xfe\x00\x02" * 12_000 + whole[first:]

    with pytest.raises(Corrupt):
        facts(padded)


def test_a_profile_that_is_too_large_is_refused() -> None:
    picture = saved(landscape(8, 8), "TIFF", icc_profile=bytes(probe.MAX_PROFILE_BYTES + 1))

    with pytest.raises(TooLarge) as refused:
        facts(picture)

    assert refused.value.limit["max_profile_bytes"] == probe.MAX_PROFILE_BYTES


def test_a_declared_size_costs_nothing_but_its_refusal() -> None:
    with pytest.raises(TooManyPixels):
        facts(_png_header(60_000, 60_000))


@pytest.mark.parametrize("content", [b"", b"\xff", b"hello", b"%PDF-1.7", b"GIF88a"])
def test_bytes_of_no_format_are_refused_naming_those_that_are_read(content: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="jpeg, png, webp"):
        facts(content)


def test_svg_is_read_only_where_it_is_allowed() -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"/>'

    with pytest.raises(UnsupportedFormat):
        facts(drawing)
    found = facts(drawing, Limits(svg=True))

    assert (found.format, found.width, found.height) == (Format.SVG, 30, 20)


def test_no_complaint_about_one_picture_is_told_of_another() -> None:
    noisy = saved(landscape(64, 48), "JPEG")
    at = noisy.index(b"\xff\xc0")
    facts(noisy[:at] + b"\x00" + noisy[at:])

    with pytest.raises(Corrupt) as refused:
        facts(_png_header(0, 5))

    assert "JPEG" not in refused.value.message


def _with_more_scans(most: int) -> bytes:
    """Repeat the last scan of a progressive JPEG, as attackers do."""
    whole = saved(landscape(64, 48), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    scan = whole[last:-2]
    return whole[:-2] + scan * most + whole[-2:]


def _gif_of_one_pixel(frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body)
    file.write(struct.pack(">I", zlib.crc32(body)))
    data = b"IDAT" + zlib.compress(b"\x00")
    file.write(struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data)))
    file.write(struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))
    return file.getvalue()
