"""Files are written as they were ordered, with nothing in them that was not."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence
from PIL.ExifTags import GPS, IFD, Base

from imagemill.errors import InvalidRequest, OutputImpossible
from tests.engine.orders_given import Steps, landscape, rendered, saved
from tests.operations.distance import psnr
from tests.pictures import draw

PHOTO = landscape(200, 150)
JPEG = saved(PHOTO, "JPEG", quality=95)
FORMATS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "avif": "AVIF",
    "tiff": "TIFF",
    "gif": "GIF",
}


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_written_and_looks_like_the_original(form: str) -> None:
    made = rendered(JPEG, _as(form))

    answer = made.answer.outputs["made"]
    assert made.image().format == FORMATS[form]
    assert (answer.format, answer.width, answer.height) == (form, 200, 150)
    assert answer.size_bytes == len(made.files["made"])
    assert psnr(np.asarray(made.image().convert("RGB")), np.asarray(PHOTO)) > 27


@pytest.mark.parametrize("form", FORMATS)
def test_equal_orders_give_equal_bytes(form: str) -> None:
    assert rendered(JPEG, _as(form)).files == rendered(JPEG, _as(form)).files


@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_lossless_keeps_every_level(form: str) -> None:
    made = rendered(saved(PHOTO, "PNG"), _as(form, lossless=True))

    assert np.array_equal(made.levels(), np.asarray(PHOTO))


@pytest.mark.parametrize(
    ("form", "expected"),
    [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tiff"), ("BMP", "jpeg")],
)
def test_without_a_format_the_file_is_what_the_original_was(form: str, expected: str) -> None:
    answer = rendered(saved(PHOTO, form), [{"op": "flip"}]).answer

    assert answer.outputs["made"].format == expected


def test_without_a_format_transparency_becomes_png_where_the_original_cannot_be_written() -> None:
    picture = saved(PHOTO.convert("RGBA"), "BMP")

    answer = rendered(picture, [{"op": "flip"}]).answer

    assert answer.outputs["made"].format == ("png" if answer.facts.has_alpha else "jpeg")  # type: ignore[union-attr]  # an answer has facts.


@pytest.mark.parametrize(
    ("form", "option", "value"),
    [
        ("png", "quality", 80),
        ("gif", "chroma", "444"),
        ("jpeg", "lossless", True),
        ("jpeg", "effort", 3),
        ("webp", "progressive", True),
        ("tiff", "max_bytes", 1000),
        ("png", "background", "red"),
        ("avif", "colours", 16),
    ],
)
def test_an_option_that_a_format_does_not_know_is_refused_by_name(
    form: str, option: str, value: object
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rendered(JPEG, _as(form, **{option: value}))

    assert f"{form} does not know {option}" in refused.value.errors[0].problem


@pytest.mark.parametrize(("form", "effort"), [("webp", 7), ("gif", 0), ("png", 10)])
def test_an_effort_out_of_a_formats_range_is_refused(form: str, effort: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rendered(JPEG, _as(form, effort=effort))

    assert "effort" in refused.value.errors[0].problem


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif", "png", "gif"])
def test_max_bytes_is_kept_with_as_much_quality_as_fits(form: str) -> None:
    free = len(rendered(JPEG, _as(form)).files["made"])

    made = rendered(JPEG, _as(form, max_bytes=free // 2)).files["made"]

    assert free // 10 < len(made) <= free // 2


def test_max_bytes_that_cannot_be_reached_names_the_output_and_the_limit() -> None:
    with pytest.raises(OutputImpossible) as refused:
        rendered(JPEG, {"tiny": _as("jpeg", max_bytes=300), "other": _as("png")})

    assert refused.value.output == "tiny"
    assert refused.value.limit == {"max_bytes": 300}


def test_a_file_that_fits_anyway_is_left_as_fine_as_asked() -> None:
    plain = rendered(JPEG, _as("jpeg", quality=70))

    bounded = rendered(JPEG, _as("jpeg", quality=70, max_bytes=1_000_000))

    assert bounded.files == plain.files


def test_auto_keeps_the_smallest_of_what_makes_sense() -> None:
    sizes = [len(rendered(JPEG, _as(form)).files["made"]) for form in ("jpeg", "webp", "avif")]

    made = rendered(JPEG, _as("auto"))

    assert len(made.files["made"]) == min(sizes)


def test_auto_keeps_transparency() -> None:
    made = rendered(draw.picture("alpha.png"), _as("auto"))

    assert made.image().convert("RGBA").getchannel("A").getextrema()[0] == 0


def test_transparency_lies_on_the_background_in_a_jpeg() -> None:
    whole = np.zeros((40, 40, 4), dtype=np.uint8)

    levels = rendered(draw.png(whole), _as("jpeg", background="#102030")).levels()

    assert np.abs(levels[20, 20].astype(int) - (0x10, 0x20, 0x30)).max() <= 3


def test_a_grey_picture_on_a_coloured_background_has_colour() -> None:
    levels = rendered(draw.picture("grey_alpha.png"), _as("jpeg", background="red")).levels()

    assert levels.shape[2] == 3


@pytest.mark.parametrize("name", ["animated.gif", "animated.webp"])
@pytest.mark.parametrize("form", ["gif", "webp"])
def test_an_animation_keeps_its_frames_and_their_times(name: str, form: str) -> None:
    made = rendered(draw.picture(name), [{"op": "resize", "width": 48}, *_as(form)])

    frames = [frame.copy() for frame in ImageSequence.Iterator(made.image())]
    assert made.answer.outputs["made"].frames == len(frames) == draw.FRAMES
    assert {frame.size for frame in frames} == {(48, 30)}
    assert made.image().info["loop"] == 0
    assert {frame.info["duration"] for frame in frames} == {draw.DELAY_MS}


def test_how_often_an_animation_plays_is_kept() -> None:
    frames = [Image.fromarray(frame) for frame in draw.moving()]
    picture = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], loop=3)

    assert rendered(picture, _as("webp")).image().info["loop"] == 3


def test_a_still_format_gets_the_first_frame() -> None:
    made = rendered(draw.picture("animated.webp"), _as("png"))

    assert made.answer.outputs["made"].frames == 1
    assert np.array_equal(made.levels(), draw.moving()[0])


def test_steps_that_read_in_another_order_work_on_every_frame() -> None:
    steps: Steps = [{"op": "rotate", "angle": 90}, {"op": "flip"}, *_as("webp", lossless=True)]

    made = rendered(draw.picture("animated.webp"), steps)

    frames = [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(made.image())]
    wanted = [np.rot90(frame, -1)[::-1] for frame in draw.moving()]
    assert all(np.array_equal(one, other) for one, other in zip(frames, wanted, strict=True))


def test_nothing_of_the_metadata_is_kept_by_default() -> None:
    made = rendered(_with_metadata(), _as("jpeg"))

    assert not made.image().getexif()
    assert not {"xmp", "icc_profile", "exif", "comment"} & set(made.image().info)
    assert b"Sesame" not in made.files["made"]


def test_kept_exif_has_no_position_and_stands_upright() -> None:
    exif = rendered(_with_metadata(), _as("jpeg", keep=["exif"])).image().getexif()

    assert exif[Base.Artist] == "Sesame"
    assert not exif.get_ifd(IFD.GPSInfo)
    assert exif.get(Base.Orientation, 1) == 1
    assert Base.MakerNote not in exif.get_ifd(IFD.Exif)


def test_kept_xmp_has_no_position() -> None:
    made = rendered(_with_metadata(), _as("jpeg", keep="all")).files["made"]

    assert b"by Sesame" in made
    assert b"GPSLatitude" not in made
    assert b"51,30" not in made


def test_a_position_is_kept_when_it_is_asked_for() -> None:
    made = rendered(_with_metadata(), _as("jpeg", keep=["exif", "xmp"], gps=True))

    gps = made.image().getexif().get_ifd(IFD.GPSInfo)
    assert [float(part) for part in gps[GPS.GPSLatitude]] == [51.0, 30.0, 0.0]
    assert b"51,30" in made.files["made"]


def test_metadata_tells_what_the_file_says_but_not_the_place() -> None:
    told = _told(_with_metadata())

    assert told["exif"]["Artist"] == "Sesame"
    assert told["xmp"] == {"creator": ["by Sesame"]}
    assert (told["width"], told["height"], told["orientation"]) == (150, 200, 6)
    assert "gps" not in told
    assert "51" not in json.dumps(told["exif"])


def test_metadata_tells_the_place_when_it_is_asked_for() -> None:
    told = _told(_with_metadata(), gps=True)

    assert told["gps"]["latitude"] == 51.5
    assert told["gps"]["longitude"] == -0.125


def test_metadata_names_the_profile_and_counts_the_frames() -> None:
    wide = _told(saved(PHOTO, "PNG", icc_profile=_named_profile()))
    moving = _told(draw.picture("animated.gif"))

    assert wide["icc"]["name"] == "sRGB built-in"
    assert moving["frames"] == draw.FRAMES
    assert moving["delays_ms"] == [draw.DELAY_MS] * draw.FRAMES


@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"x" * 99]
)
def test_broken_metadata_costs_nobody_the_picture(exif: bytes) -> None:
    picture = saved(PHOTO, "JPEG", exif=exif)

    assert _told(picture)["exif"] in (None, {})
    assert rendered(picture, _as("jpeg", keep="all")).image().size == PHOTO.size


@pytest.mark.parametrize(
    "xmp",
    [b"<a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\x00\x01", b"<?xml encoding='x'?>"],
)
def test_broken_xmp_is_passed_over(xmp: bytes) -> None:
    assert _told(saved(PHOTO, "JPEG", xmp=xmp))["xmp"] is None


def test_what_a_webp_cannot_hold_is_refused_with_its_limit() -> None:
    steps: Steps = [{"op": "pad", "right": 10_000}, {"op": "pad", "right": 8_000}, *_as("webp")]

    with pytest.raises(OutputImpossible) as refused:
        rendered(saved(landscape(20, 4), "PNG"), steps)

    assert refused.value.output == "made"
    assert refused.value.limit["max_side_px"] == 16_383


def _as(form: str, **options: object) -> Steps:
    return [{"op": "convert", "format": form, **options}]


def _told(picture: bytes, **options: object) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(
        rendered(picture, [{"op": "metadata", **options}]).files["made"]
    )
    return told


def _named_profile() -> bytes:

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _with_metadata() -> bytes:
    """Draw a JPEG lying on its side, with a name, a position in two places, and a maker's note."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Artist] = "Sesame"
    exif.get_ifd(IFD.Exif)[Base.MakerNote] = b"secret place"
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "N",
            GPS.GPSLatitude: (51.0, 30.0, 0.0),
            GPS.GPSLongitudeRef: "W",
            GPS.GPSLongitude: (0.0, 7.0, 30.0),
        }
    )
    file = io.BytesIO()
    PHOTO.save(file, "JPEG", quality=95, exif=exif, xmp=_XMP, comment=b"Sesame")
    return file.getvalue()


_XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 exif:GPSLatitude="51,30N"><exif:GPSLongitude>0,7.5W</exif:GPSLongitude>
<dc:creator><rdf:Seq><rdf:li>by Sesame</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
