"""Short words for what a picture looks like: hashes to draw it from, to find it by, its colours.

Pure functions over rows of pixels, meant for pictures of at most some dozens of pixels a side:
scale first. A pixel is (red, green, blue, alpha), each from 0 to 255, in sRGB.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

Pixel = tuple[int, int, int, int]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


@dataclass(frozen=True, slots=True)
class Grid:
    """A small picture: its pixels, row by row from the top left."""

    width: int
    height: int
    pixels: tuple[Pixel, ...]

    @classmethod
    def of_bytes(cls, width: int, height: int, rgba: bytes) -> Grid:
        """Read four bytes for each pixel, row by row."""
        parts = iter(rgba)
        return cls(width, height, tuple(zip(parts, parts, parts, parts, strict=True)))


def blurhash(grid: Grid, across: int = 4, down: int = 3) -> str:
    """Write the lowest waves of the picture in linear light as text; alpha is passed over.

    `across` and `down` count the waves, 1 to 9 each. The text has 4 + 2 · across · down signs.
    Source: https://github.com/woltapp/blurhash/blob/master/Algorithm.md.
    """
    light = [[_light(pixel[band]) for pixel in grid.pixels] for band in range(3)]
    waves = [
        tuple(_wave(grid, plane, x, y, x or y) for plane in light)
        for y in range(down)
        for x in range(across)
    ]
    first, *others = waves
    peak = max((abs(part) for wave in others for part in wave), default=0.0)
    scale = max(0, min(82, math.floor(peak * 166 - 0.5))) if others else 0
    text = _in_83((across - 1) + (down - 1) * 9, 1) + _in_83(scale, 1)
    red, green, blue = (_level(part) for part in first)
    text += _in_83((red << 16) + (green << 8) + blue, 4)
    return text + "".join(_in_83(_packed(wave, (scale + 1) / 166), 2) for wave in others)


def thumbhash(grid: Grid) -> str:
    """Write brightness, colour, alpha and shape of the picture as at most 25 bytes of base64.

    Source: https://github.com/evanw/thumbhash (the reference encoder, at most 100 x 100 px).
    """
    alphas = [pixel[3] / 255 for pixel in grid.pixels]
    clear = any(alpha < 1 for alpha in alphas)
    planes = _opponents(grid, alphas)
    longest = max(grid.width, grid.height)
    most = 5 if clear else 7
    wide = max(1, math.floor(most * grid.width / longest + 0.5))
    high = max(1, math.floor(most * grid.height / longest + 0.5))
    luma = _channel(grid, planes[0], max(3, wide), max(3, high))
    warm, green = (_channel(grid, plane, 3, 3) for plane in planes[1:3])
    parts = [luma, warm, green] + ([_channel(grid, planes[3], 5, 5)] if clear else [])
    return base64.b64encode(_thumb_bytes(parts, grid, clear=clear, sides=(wide, high))).decode()


def perceptual_hash(grid: Grid) -> str:
    """Write which low frequencies of brightness are strong, as 16 hexadecimal digits (64 bits).

    Pictures that look alike differ in few bits (under about 10), however they were scaled or
    compressed. Takes a grid of 32 x 32 pixels; the first 8 x 8 terms of its cosine transform are
    compared with their median. Source: Zauner, Implementation and Benchmarking of Perceptual
    Image Hash Functions (2010), section 3.2.1 (https://www.phash.org/docs/pubs/thesis_zauner.pdf).
    """
    rows = [
        [_luma(pixel) for pixel in grid.pixels[at : at + grid.width]]
        for at in range(0, len(grid.pixels), grid.width)
    ]
    partial = [_cosines(row, 8) for row in rows]
    columns = [_cosines([row[x] for row in partial], 8) for x in range(8)]
    terms = [columns[x][y] for y in range(8) for x in range(8)]
    middle = sum(sorted(terms)[31:33]) / 2
    return f"{int(''.join('1' if term > middle else '0' for term in terms), 2):016x}"


def dominant(grid: Grid, count: int) -> list[tuple[str, float]]:
    """Find at most `count` colours that stand for most of the picture, the most frequent first.

    Gives each as `#rrggbb` with the share of visible pixels (0 to 1) that it stands for. Median
    cut: the box of colours that spreads most is cut at its median again and again. Pixels that
    are more than half transparent are passed over; a picture of nothing else has no colours.
    Source: Heckbert, Color Image Quantization for Frame Buffer Display (1982).
    """
    seen = [pixel[:3] for pixel in grid.pixels if pixel[3] > 127]
    boxes = [seen] if seen and count else []
    while len(boxes) < count and (widest := max(boxes, key=_spread, default=[])):
        if not _spread(widest):
            break
        boxes.remove(widest)
        boxes.extend(_halved(widest))
    named = [(_average(box), len(box) / len(seen)) for box in boxes]
    return sorted(named, key=lambda each: (-each[1], each[0]))


def _luma(pixel: Pixel) -> float:
    red, green, blue, _ = pixel
    return 0.299 * red + 0.587 * green + 0.114 * blue


@cache
def _cosine(size: int, wave: int) -> tuple[float, ...]:
    return tuple(math.cos(math.pi * wave * (at + 0.5) / size) for at in range(size))


def _cosines(values: Sequence[float], count: int) -> list[float]:
    """Give the first terms of the cosine transform (type II, not scaled)."""
    size = len(values)
    return [
        sum(value * factor for value, factor in zip(values, _cosine(size, wave), strict=True))
        for wave in range(count)
    ]


def _wave(grid: Grid, plane: Sequence[float], x: int, y: int, is_wave: int = 1) -> float:
    """Measure how much of one wave there is in a plane, averaged over its pixels."""
    across, down = _cosine(grid.width, x), _cosine(grid.height, y)
    total = 0.0
    for row, factor in enumerate(down):
        start = row * grid.width
        line = plane[start : start + grid.width]
        total += factor * sum(value * wave for value, wave in zip(line, across, strict=True))
    return total * (2 if is_wave else 1) / (grid.width * grid.height)


@cache
def _light(level: int) -> float:
    value = level / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _level(light: float) -> int:
    value = max(0.0, min(1.0, light))
    coded = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return int(coded * 255 + 0.5)


def _packed(wave: Sequence[float], peak: float) -> int:
    """Put three amplitudes of one wave into one number, 19 steps each."""
    steps = [
        max(0, min(18, math.floor(math.copysign(math.sqrt(abs(part / peak)), part) * 9 + 9.5)))
        for part in wave
    ]
    return steps[0] * 361 + steps[1] * 19 + steps[2]


def _in_83(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))


def _opponents(grid: Grid, alphas: Sequence[float]) -> tuple[list[float], ...]:
    """Split into brightness, yellow against blue, red against green, and alpha.

    Transparent pixels are laid on the average colour, so that they add no edges.
    """
    weight = sum(alphas) or 1.0
    means = [
        sum(pixel[band] / 255 * alpha for pixel, alpha in zip(grid.pixels, alphas, strict=True))
        / weight
        for band in range(3)
    ]
    red, green, blue = (
        [
            mean * (1 - alpha) + alpha * pixel[band] / 255
            for pixel, alpha in zip(grid.pixels, alphas, strict=True)
        ]
        for band, mean in enumerate(means)
    )
    trios = list(zip(red, green, blue, strict=True))
    luma = [sum(trio) / 3 for trio in trios]
    yellow = [(r + g) / 2 - b for r, g, b in trios]
    return luma, yellow, [r - g for r, g, _ in trios], list(alphas)


@dataclass(frozen=True, slots=True)
class _Channel:
    mean: float
    waves: tuple[float, ...]
    """Each from 0 to 1."""
    scale: float


def _channel(grid: Grid, plane: Sequence[float], wide: int, high: int) -> _Channel:
    """Measure the waves in one triangle of frequencies, scaled by the strongest."""
    mean = _wave(grid, plane, 0, 0, is_wave=0)
    waves = [
        _wave(grid, plane, x, y, is_wave=0)
        for y in range(high)
        for x in range(wide)
        if (x or y) and x * high < wide * (high - y)
    ]
    scale = max((abs(wave) for wave in waves), default=0.0)
    steps = tuple(0.5 + 0.5 / scale * wave if scale else 0.0 for wave in waves)
    return _Channel(mean, steps if scale else (0.0,) * len(waves), scale)


def _thumb_bytes(
    parts: Sequence[_Channel], grid: Grid, *, clear: bool, sides: tuple[int, int]
) -> bytes:
    luma, warm, green, *alpha = parts
    landscape = grid.width > grid.height
    head = (
        _half(63 * luma.mean)
        | _half(31.5 + 31.5 * warm.mean) << 6
        | _half(31.5 + 31.5 * green.mean) << 12
        | _half(31 * luma.scale) << 18
        | clear << 23
    )
    tail = (
        (sides[1] if landscape else sides[0])
        | _half(63 * warm.scale) << 3
        | _half(63 * green.scale) << 9
        | landscape << 15
    )
    data = bytearray(head.to_bytes(3, "little") + tail.to_bytes(2, "little"))
    for channel in alpha:
        data.append(_half(15 * channel.mean) | _half(15 * channel.scale) << 4)
    nibbles = [_half(15 * wave) for part in parts for wave in part.waves]
    nibbles += [0] * (len(nibbles) % 2)
    data += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return bytes(data)


def _half(value: float) -> int:
    return math.floor(value + 0.5)


Colours = list[tuple[int, int, int]]


def _spread(box: Colours) -> int:
    """Weigh how far the colours of a box lie apart by how many pixels it stands for."""
    return max(_range(box, band) for band in range(3)) * len(box) if box else 0


def _range(box: Colours, band: int) -> int:
    values = [colour[band] for colour in box]
    return max(values) - min(values)


def _halved(box: Colours) -> tuple[Colours, Colours]:
    """Cut a box across its longest side, at the middle pixel, never between equal ones."""
    longest = max(range(3), key=lambda band: _range(box, band))
    key: Callable[[tuple[int, int, int]], int] = lambda colour: colour[longest]  # noqa: E731 - used twice.
    middle = sorted(box, key=key)[len(box) // 2][longest]
    low = [colour for colour in box if colour[longest] < middle]
    if not low:
        low = [colour for colour in box if colour[longest] == middle]
        return low, [colour for colour in box if colour[longest] > middle]
    return low, [colour for colour in box if colour[longest] >= middle]


def _average(box: Colours) -> str:
    sums = [sum(colour[band] for colour in box) for band in range(3)]
    return "#" + "".join(f"{_half(total / len(box)):02x}" for total in sums)
