"""The bands of a picture: where its colour ends and its alpha begins, and how to keep them apart.

Every function takes and answers images of sRGB or grey, with or without alpha as the last band,
8 or 16 bits a band. Alpha is straight (not multiplied into the colour), unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyvips

    from imagemill.colour import Colour

LUMA = (0.2126, 0.7152, 0.0722)
"""How much red, green and blue add to brightness (ITU-R BT.709, the primaries of sRGB)."""

_GREY_BANDS, _COLOUR_BANDS = 1, 3
_LEVELS_8_BIT, _LEVELS_16_BIT = 255.0, 65535.0


def white(image: pyvips.Image) -> float:
    """Give the level of full brightness, and of full alpha."""
    return _LEVELS_16_BIT if image.format == "ushort" else _LEVELS_8_BIT


def colour(image: pyvips.Image) -> pyvips.Image:
    """Give the one or three bands of colour without the alpha."""
    return image[: image.bands - 1] if image.hasalpha() else image


def alpha(image: pyvips.Image) -> pyvips.Image | None:
    """Give the band of alpha; None when the picture is opaque."""
    return image[image.bands - 1] if image.hasalpha() else None


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    """Give the picture with an alpha band; a new one hides everything behind."""
    return image if image.hasalpha() else image.bandjoin(white(image))


def on_colour(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Change the colour and leave the alpha as it is, in the format that the picture came in.

    Where one band of colour is left, the picture becomes grey. Values outside the range of the
    format are cut to it, and halves are rounded up.
    """
    changed = as_levels(change(colour(image)), like=image)
    transparency = alpha(image)
    joined = changed if transparency is None else changed.bandjoin(transparency)
    if joined.bands == image.bands:
        return joined.copy(interpretation=image.interpretation)
    return joined.copy(interpretation="grey16" if image.format == "ushort" else "b-w")


def on_premultiplied(
    image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]
) -> pyvips.Image:
    """Mix neighbours so that the hidden colour of transparent pixels does not leak out.

    Opaque pictures go straight to `change`; others go there as floats, multiplied by their alpha,
    and come back divided by it.
    """
    if not image.hasalpha():
        return as_levels(change(image), like=image)
    changed = change(image.premultiply(max_alpha=white(image)))
    return as_levels(changed.unpremultiply(max_alpha=white(image)), like=image)


def as_levels(image: pyvips.Image, *, like: pyvips.Image) -> pyvips.Image:
    """Round computed values to whole levels and cut them to the format of another picture."""
    if image.format == like.format:
        return image.copy(interpretation=like.interpretation)
    return (image + 0.5).floor().cast(like.format).copy(interpretation=like.interpretation)


def within(image: pyvips.Image, top: float) -> pyvips.Image:
    """Cut computed values to 0 and the level of full brightness, without rounding them."""
    return image.clamp(min=0, max=top)


def luma(image: pyvips.Image) -> pyvips.Image:
    """Give brightness as one band of floats, from the colour as it is coded (not linear light)."""
    bands = colour(image)
    return bands.cast("float") if bands.bands == _GREY_BANDS else bands.recomb([list(LUMA)])


def in_profile(image: pyvips.Image) -> bool:
    """Tell whether the levels are those of an embedded profile, which only fits these bands."""
    return bool(image.get_typeof("icc-profile-data"))


def accepting(image: pyvips.Image, ink: Colour) -> pyvips.Image:
    """Give the picture the bands that it needs to hold a colour: three, and alpha, if it must."""
    coloured = image if ink.grey or not ink.alpha else in_colour(image)
    return coloured if ink.solid else with_alpha(coloured)


def in_colour(image: pyvips.Image) -> pyvips.Image:
    """Give a grey picture three equal bands; others stay as they are."""
    if colour(image).bands == _COLOUR_BANDS:
        return image
    return image.colourspace("rgb16" if image.format == "ushort" else "srgb")


def levels(image: pyvips.Image, ink: Colour) -> list[float]:
    """Write a colour as one level for each band of the picture, which must be able to hold it."""
    scale = white(image) / _LEVELS_8_BIT
    parts = [ink.red, ink.green, ink.blue] if colour(image).bands == _COLOUR_BANDS else [ink.red]
    parts += [ink.alpha] * image.hasalpha()
    return [part * scale for part in parts]


def premultiplied_levels(image: pyvips.Image, ink: Colour) -> list[float]:
    """Write a colour as levels for a picture whose alpha was multiplied into its colour."""
    straight = levels(image, ink)
    if not image.hasalpha():
        return straight
    *parts, opacity = straight
    return [*(part * opacity / white(image) for part in parts), opacity]
