"""What the operations ought to make, worked out anew with numpy and Pillow.

Nothing here knows libvips or the code under test. Planes are height x width x bands of floats,
0 to 255; alpha, where there is one, is the last band.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.float64]
Levels = NDArray[np.uint8]

LUMA = np.array([0.2126, 0.7152, 0.0722])


def has_alpha(plane: NDArray[np.generic]) -> bool:
    """Tell by the number of bands: two are grey and alpha, four are colour and alpha."""
    return plane.shape[-1] in {2, 4}


def on_colour(levels: Levels, change: Callable[[Plane], Plane]) -> Plane:
    """Change the colour and put the old alpha behind it."""
    plane = levels.astype(float)
    if not has_alpha(plane):
        return cut(change(plane))
    return np.dstack([cut(change(plane[..., :-1])), plane[..., -1:]])


def weighed(levels: Levels, change: Callable[[Plane], Plane]) -> Plane:
    """Change colour with alpha multiplied in, as neighbours must be mixed."""
    plane = levels.astype(float)
    if not has_alpha(plane):
        return cut(change(plane))
    share = plane[..., -1:] / 255
    mixed = change(np.dstack([plane[..., :-1] * share, plane[..., -1:]]))
    opacity = mixed[..., -1:]
    colour = np.divide(mixed[..., :-1] * 255, opacity, where=opacity > 0, out=mixed[..., :-1] * 0)
    return cut(np.dstack([colour, opacity]))


def cut(plane: Plane) -> Plane:
    """Cut to what a level can be."""
    return np.clip(plane, 0, 255)


def luma(plane: Plane) -> Plane:
    """Give brightness as one band."""
    return plane @ LUMA[:, None] if plane.shape[-1] == len(LUMA) else plane


def bell(sigma: float) -> Callable[[Plane], Plane]:
    """Give a Gaussian blur with a bell of eight sigmas, the edge pixels going on for ever."""
    reach = math.ceil(4 * sigma)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()

    def blurred(plane: Plane) -> Plane:
        wide = np.pad(plane, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        tall = np.apply_along_axis(np.convolve, 0, wide, weights, mode="valid")
        return np.apply_along_axis(np.convolve, 1, tall, weights, mode="valid")

    return blurred


def sharpened(levels: Levels, sigma: float, amount: float, threshold: float = 0) -> Plane:
    """Add what a blur of brightness takes away, transparent pixels weighing nothing."""
    plane, blur = levels.astype(float), bell(sigma)
    weight = plane[..., -1:] if has_alpha(plane) else np.ones_like(plane[..., :1])
    brightness = luma(plane[..., : -1 if has_alpha(plane) else None])
    share = blur(weight)
    mean = np.divide(blur(brightness * weight), share, where=share > 1e-9, out=brightness.copy())
    detail = brightness - mean
    detail[np.abs(detail) <= threshold] = 0
    return on_colour(levels, lambda colour: colour + amount * detail)


def css(levels: Levels, **amounts: float) -> Plane:
    """Apply CSS filter functions one after the other, cut to range at the end only."""

    def changed(colour: Plane) -> Plane:
        v = colour / 255
        v = v * amounts.get("brightness", 1)
        v = (v - 0.5) * amounts.get("contrast", 1) + 0.5
        if v.shape[-1] == len(LUMA):
            v = v @ _saturate(amounts.get("saturation", 1)).T
            v = v @ _hue_rotate(amounts.get("hue", 0)).T
        return np.clip(v, 0, None) ** (1 / amounts.get("gamma", 1)) * 255

    return on_colour(levels, changed)


def turned(levels: Levels, degrees: float, size: tuple[int, int]) -> Plane:
    """Turn clockwise about the middle, sampled with the spline of Catmull and Rom (a = -1/2).

    Right where sixteen pixels of the picture lie round the place (`inside`); Pillow's own kernel
    is the same, but rounds down twice and is a whole level off.
    """
    down, across = np.mgrid[0 : size[1], 0 : size[0]].astype(float)
    x, y = across - (size[0] - 1) / 2, down - (size[1] - 1) / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    height, width = levels.shape[:2]
    from_x = cosine * x + sine * y + (width - 1) / 2
    from_y = -sine * x + cosine * y + (height - 1) / 2
    return weighed(levels, lambda plane: _sampled(plane, from_x, from_y))


def _sampled(plane: Plane, x: Plane, y: Plane) -> Plane:
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((*x.shape, plane.shape[-1]))
    for row in range(-1, 3):
        for column in range(-1, 3):
            rows = np.clip(top + row, 0, plane.shape[0] - 1)
            columns = np.clip(left + column, 0, plane.shape[1] - 1)
            weight = _catmull_rom(x - left - column) * _catmull_rom(y - top - row)
            total += plane[rows, columns] * weight[..., None]
    return total


def _catmull_rom(distance: Plane) -> Plane:
    t = np.abs(distance)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def inside(shape: tuple[int, int], degrees: float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which pixels of a turned picture lie two pixels and more within its edges."""
    down, across = np.mgrid[0 : size[1], 0 : size[0]]
    x, y = across + 0.5 - size[0] / 2, down + 0.5 - size[1] / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    height, width = shape
    within: NDArray[np.bool_] = (np.abs(cosine * x + sine * y) < width / 2 - 2) & (
        np.abs(-sine * x + cosine * y) < height / 2 - 2
    )
    return within


def steepness(plane: Plane) -> Plane:
    """Give the length of the Sobel gradient of brightness, in every band."""
    wide = np.pad(luma(plane)[..., 0], 1, mode="edge")
    smooth_down = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    smooth_across = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    across = smooth_down[:, 2:] - smooth_down[:, :-2]
    down = smooth_across[2:] - smooth_across[:-2]
    return np.repeat(np.hypot(across, down)[..., None], plane.shape[-1], axis=-1)


def relief(plane: Plane) -> Plane:
    """Give the difference to the upper left neighbour on middle grey."""
    wide = np.pad(plane, ((1, 0), (1, 0), (0, 0)), mode="edge")
    return 128 + plane - wide[:-1, :-1]


def median(plane: Plane, size: int) -> Plane:
    """Give the middle one of the neighbours, band by band, with Pillow where levels are whole."""
    bands = [Image.fromarray(band.astype(np.uint8)) for band in np.moveaxis(plane, -1, 0)]
    return np.dstack([np.asarray(band.filter(ImageFilter.MedianFilter(size))) for band in bands])


def blocks(plane: Plane, size: int) -> Plane:
    """Give the mean of each block, the edge pixels filling up the last ones."""
    height, width = plane.shape[:2]
    wide = np.pad(plane, ((0, -height % size), (0, -width % size), (0, 0)), mode="edge")
    rows, columns = wide.shape[0] // size, wide.shape[1] // size
    means: Plane = wide.reshape(rows, size, columns, size, -1).mean(axis=(1, 3))
    wide = means.repeat(size, axis=0).repeat(size, axis=1)
    return wide[:height, :width]


def over(below: Levels, above: Levels, left: int, top: int, opacity: float = 1) -> Plane:
    """Lay one picture over another by the rule of Porter and Duff; both may have alpha."""
    plane = _with_alpha(below.astype(float))
    layer = np.zeros_like(plane)
    y, x = max(top, 0), max(left, 0)
    part = above[y - top : plane.shape[0] - top, x - left : plane.shape[1] - left].astype(float)
    layer[y : y + part.shape[0], x : x + part.shape[1]] = part
    upper, lower = layer[..., 3:] / 255 * opacity, plane[..., 3:] / 255
    joint = upper + lower * (1 - upper)
    mixed = layer[..., :3] * upper + plane[..., :3] * lower * (1 - upper)
    colour = np.divide(mixed, joint, where=joint > 0, out=np.zeros_like(mixed))
    return np.dstack([colour, joint * 255]) if has_alpha(below) else colour


def _with_alpha(plane: Plane) -> Plane:
    return plane if has_alpha(plane) else np.dstack([plane, np.full(plane.shape[:2], 255.0)])


def _saturate(s: float) -> Plane:
    return np.array(
        [
            [0.213 + 0.787 * s, 0.715 - 0.715 * s, 0.072 - 0.072 * s],
            [0.213 - 0.213 * s, 0.715 + 0.285 * s, 0.072 - 0.072 * s],
            [0.213 - 0.213 * s, 0.715 - 0.715 * s, 0.072 + 0.928 * s],
        ]
    )


def _hue_rotate(degrees: float) -> Plane:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array(
        [
            [
                0.213 + c * 0.787 - s * 0.213,
                0.715 - c * 0.715 - s * 0.715,
                0.072 - c * 0.072 + s * 0.928,
            ],
            [
                0.213 - c * 0.213 + s * 0.143,
                0.715 + c * 0.285 + s * 0.140,
                0.072 - c * 0.072 - s * 0.283,
            ],
            [
                0.213 - c * 0.213 - s * 0.787,
                0.715 - c * 0.715 + s * 0.715,
                0.072 + c * 0.928 + s * 0.072,
            ],
        ]
    )
