"""Turn pixels by any angle, onto a plane that holds them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imagemill import bands
from imagemill.geometry import quarter_turns

if TYPE_CHECKING:
    import pyvips

    from imagemill.colour import Colour
    from imagemill.geometry import Size


def turned(
    image: pyvips.Image, degrees: float, size: Size, ink: Colour, kernel: pyvips.Interpolate
) -> pyvips.Image:
    """Turn clockwise about the middle, onto a plane of the given size and colour.

    The middle of the picture comes to lie on the middle of the plane. Quarter turns only move
    pixels, whatever the kernel; the rest is sampled by it, on colours as they are coded, with alpha
    multiplied in. Where the plane shows, a grey picture on a colour gets three bands, and a picture
    on a colour that lets something through gets alpha.
    """
    quarters = quarter_turns(degrees)
    if quarters is None:
        return _sampled(bands.accepting(image, ink), degrees, size, ink, kernel)
    moved = image.rot(f"d{quarters * 90}")
    return (
        moved
        if (moved.width, moved.height) == (size.width, size.height)
        else _laid(bands.accepting(moved, ink), size, ink)
    )


def _laid(image: pyvips.Image, size: Size, ink: Colour) -> pyvips.Image:
    """Lay a picture on the middle of a plane; what hangs over is cut off."""
    return image.gravity(
        "centre",
        size.width,
        size.height,
        extend="background",
        background=bands.levels(image, ink),
    )


def _sampled(
    image: pyvips.Image, degrees: float, size: Size, ink: Colour, kernel: pyvips.Interpolate
) -> pyvips.Image:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return bands.on_premultiplied(
        image,
        lambda plane: plane.affine(
            [cosine, -sine, sine, cosine],
            oarea=[0, 0, size.width, size.height],
            interpolate=kernel,
            idx=(1 - image.width) / 2,
            idy=(1 - image.height) / 2,
            odx=(size.width - 1) / 2,
            ody=(size.height - 1) / 2,
            extend="background",
            background=bands.premultiplied_levels(image, ink),
            premultiplied=True,
        ),
    )
