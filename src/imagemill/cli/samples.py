"""Draw the demo's sample pictures into a folder: `python -m imagemill.cli.samples FOLDER [SCALE]`.

A program of its own, because the command line loads no decoder. Everything comes from one seed, so
that every run draws the same pictures. SCALE 1 draws them at full size (the largest has 12 million
pixels); 0.25 draws them at a quarter of each side.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Size = tuple[int, int]

SEED = 20_261_122
_TILE = (512, 512)
_DUSK = ((24, 38, 84), (236, 150, 96))
_NIGHT = ((6, 8, 24), (40, 30, 62))


def main(arguments: list[str]) -> None:
    """Draw every sample into the folder that the arguments name."""
    folder, scale = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 1.0
    folder.mkdir(parents=True, exist_ok=True)
    mountains(folder / "mountains.jpg", _scaled((4000, 3000), scale))
    harbour(folder / "harbour-by-night.jpg", _scaled((3000, 2000), scale))
    badge(folder / "badge.png", _scaled((1600, 1600), scale))
    notice(folder / "notice.png", _scaled((1920, 1200), scale))
    lantern(folder / "lantern.gif", _scaled((480, 360), scale))


def mountains(path: Path, size: Size) -> None:
    """Draw ridges at dusk over a lake, as a phone stores them: lying on its side, with a place."""
    random = Random(SEED)  # noqa: S311 - pictures need no cryptography
    picture = _graded(_quarter(size), *_DUSK)
    _glow(picture, (0.68, 0.42), 0.05, (255, 226, 170))
    for distance in range(6):
        _ridge(picture, random, distance)
    _mirror(picture)
    upright = _grained(picture.resize(size, Image.Resampling.BICUBIC), random, 10)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.save(path, quality=92, exif=_phone_exif())


def harbour(path: Path, size: Size) -> None:
    """Draw lights over dark water, grainy as high sensitivity makes it."""
    random = Random(SEED + 1)  # noqa: S311 - pictures need no cryptography
    picture = _graded(_quarter(size), *_NIGHT)
    for _ in range(160):
        place = (random.random(), random.gauss(0.45, 0.03))
        warm = (255, random.randint(150, 235), random.randint(70, 170))
        _glow(picture, place, random.uniform(0.002, 0.009), warm)
    _mirror(picture)
    _grained(picture.resize(size, Image.Resampling.BICUBIC), random, 26).save(path, quality=90)


def badge(path: Path, size: Size) -> None:
    """Draw a round badge on nothing: a picture with soft transparency."""
    side = size[0]
    picture = Image.new("RGBA", size)
    for part in range(40):
        inset = side * part // 90
        shade = (20 + part * 3, 90 + part * 3, 140 + part * 2, 255)
        ImageDraw.Draw(picture).ellipse((inset, inset, side - inset, side - inset), fill=shade)
    points = [_on_circle(side, 0.34 if tip % 2 == 0 else 0.15, tip / 10) for tip in range(10)]
    ImageDraw.Draw(picture).polygon(points, fill=(255, 214, 92, 255))
    picture.filter(ImageFilter.GaussianBlur(side / 400)).save(path)


def notice(path: Path, size: Size) -> None:
    """Draw a page of text, as a screenshot is: few colours and sharp edges."""
    picture = Image.new("RGB", size, (250, 248, 242))
    drawing = ImageDraw.Draw(picture)
    line = size[1] // 12
    drawing.rectangle((0, 0, size[0], 2 * line), fill=(28, 64, 92))
    for number, text in enumerate(_NOTICE):
        colour = (250, 248, 242) if number == 0 else (40, 40, 40)
        place = (line, (0.5 + number * 1.3 + (number > 0)) * line)
        drawing.text(place, text, colour, ImageFont.load_default(line * 0.7))
    picture.save(path)


def lantern(path: Path, size: Size) -> None:
    """Draw a swinging light: an animation of 24 frames."""
    frames = list(_swings(size))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=60, loop=0)


_NOTICE = (
    "Imagemill",
    "A picture goes in, results come out.",
    "Nothing is lost: a job that was promised",
    "ends as completed, failed or cancelled.",
    "One decode, many results.",
    "Never the same work twice.",
    "Hostile pictures stay in a box.",
)


def _swings(size: Size) -> Iterator[Image.Image]:
    for frame in range(24):
        swing = math.sin(frame / 24 * math.tau)
        picture = _graded(size, *_NIGHT)
        _glow(picture, (0.5 + 0.28 * swing, 0.6 - 0.08 * swing * swing), 0.06, (255, 190, 90))
        yield picture


def _scaled(size: Size, scale: float) -> Size:
    return (max(round(size[0] * scale), 16), max(round(size[1] * scale), 16))


def _quarter(size: Size) -> Size:
    # Drawn small and enlarged: edges as soft as a lens draws them, at a tenth of the time.
    return (size[0] // 4 or 1, size[1] // 4 or 1)


def _graded(size: Size, top: Colour, bottom: Colour) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _glow(picture: Image.Image, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Add a disc with a soft halo; place and radius are parts of the picture's sides."""
    reach = max(round(picture.width * radius * 3), 2)
    halo = ImageChops.invert(Image.radial_gradient("L")).resize((2 * reach, 2 * reach))
    halo = halo.point(lambda value: max(value - 75, 0) ** 2 // 127)
    light = ImageChops.multiply(
        Image.new("RGB", halo.size, colour), Image.merge("RGB", (halo, halo, halo))
    )
    left = round(picture.width * centre[0]) - reach
    top = round(picture.height * centre[1]) - reach
    box = (left, top, left + 2 * reach, top + 2 * reach)
    picture.paste(ImageChops.screen(picture.crop(box), light), box)


def _ridge(picture: Image.Image, random: Random, distance: int) -> None:
    """Draw one range of hills; nearer ones stand lower, are darker and rougher."""
    width, height = picture.size
    middle = height * (0.40 + 0.045 * distance)
    waves = [(random.uniform(0, math.tau), n, height * 0.11 / n**0.9) for n in range(1, 60, 2)]
    outline = [
        (x, middle + sum(a * math.sin(p + n * x / width * 5) for p, n, a in waves) * 0.45)
        for x in range(0, width + 1, 2)
    ]
    shade = (92 - 15 * distance, 84 - 13 * distance, 116 - 17 * distance)
    ImageDraw.Draw(picture).polygon([*outline, (width, height), (0, height)], fill=shade)


def _mirror(picture: Image.Image) -> None:
    """Lay the upper part upside down over the lower third, darker and rippled, as water does."""
    width, height = picture.size
    shore = round(height * 0.68)
    above = picture.crop((0, 2 * shore - height, width, shore))
    water = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).point(lambda value: value * 7 // 10)
    for row in range(water.height):
        shift = round(math.sin(row * row / water.height / 2) * row * 0.06)
        strip = water.crop((0, row, width, row + 1))
        picture.paste(ImageChops.offset(strip, shift, 0), (0, shore + row))


def _grained(picture: Image.Image, random: Random, sigma: float) -> Image.Image:
    # One tile of noise, repeated: drawing it for 12 million pixels would take seconds.
    tile = Image.frombytes("L", _TILE, random.randbytes(_TILE[0] * _TILE[1]))
    even = sigma * math.sqrt(12) / 256
    tile = tile.point(lambda value: round(128 + (value - 128) * even))
    noise = Image.new("L", picture.size)
    for left in range(0, picture.width, _TILE[0]):
        for top in range(0, picture.height, _TILE[1]):
            noise.paste(tile, (left, top))
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)), offset=-128)


def _on_circle(side: int, radius: float, turn: float) -> tuple[float, float]:
    angle = turn * math.tau - math.tau / 4
    return (side * (0.5 + radius * math.cos(angle)), side * (0.5 + radius * math.sin(angle)))


def _phone_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Imagemill"
    exif[ExifTags.Base.Model] = "Sample phone"
    exif[ExifTags.Base.DateTime] = "2026:11:22 17:42:00"
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (46.0, 33.0, 36.0),
        ExifTags.GPS.GPSLongitudeRef: "E",
        ExifTags.GPS.GPSLongitude: (7.0, 59.0, 12.0),
    }
    return exif


if __name__ == "__main__":
    main(sys.argv[1:])
