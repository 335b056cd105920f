"""The colours of decoded pixels: from whatever a file holds to 8 bits of sRGB or grey."""

from __future__ import annotations

import pyvips

from imagemill.engine import profile

ICC_FIELD = "icc-profile-data"
_PLAIN = {"srgb", "rgb16", "b-w", "grey16", "cmyk"}
_GREY = {"b-w", "grey16"}
_INTEGERS = {"uchar", "ushort"}


def plain(image: pyvips.Image) -> pyvips.Image:
    """Bring a decoded image into one of the kinds that are worked on, before it is scaled.

    These are RGB, grey (both with or without alpha) and CMYK, of 8 or 16 bits. Bands beyond
    colour and alpha are dropped, as is the alpha of CMYK.
    """
    named = _named(image)
    ready = named if named.interpretation in _PLAIN else named.colourspace("srgb")
    if ready.format not in _INTEGERS:
        ready = ready.cast("uchar").copy(interpretation="b-w" if _is_grey(ready) else "srgb")
    most = 2 if _is_grey(ready) else 4
    return ready if ready.bands <= most else ready.extract_band(0, n=most)


def standard(image: pyvips.Image) -> pyvips.Image:
    """Convert to sRGB or grey of 8 bits, by the embedded profile where there is one.

    CMYK without a profile is taken for the one that libvips carries. A profile that cannot be used
    is passed over, as browsers do: the pixels are then taken for sRGB.
    """
    if image.interpretation == "cmyk":
        return _without_profile(_converted(image, "cmyk"))
    if image.get_typeof(ICC_FIELD) and not profile.is_srgb(image.get(ICC_FIELD)):
        return _without_profile(_by_profile(image))
    return eight_bits(image)


def own(image: pyvips.Image) -> pyvips.Image:
    """Keep the colours of the embedded profile, in 8 bits; CMYK becomes sRGB all the same."""
    return standard(image) if image.interpretation == "cmyk" else eight_bits(image)


def eight_bits(image: pyvips.Image) -> pyvips.Image:
    """Keep the colours as they are coded, in 8 bits a band."""
    if image.format == "uchar":
        return image
    return image.colourspace("b-w" if _is_grey(image) else "srgb")


def _named(image: pyvips.Image) -> pyvips.Image:
    """Take bands without a meaning for grey or RGB, by their number."""
    if image.interpretation != "multiband":
        return image
    deep = image.format == "ushort"
    if image.bands <= 2:
        return image.copy(interpretation="grey16" if deep else "b-w")
    return image.copy(interpretation="rgb16" if deep else "srgb")


def _is_grey(image: pyvips.Image) -> bool:
    return image.interpretation in _GREY


def _by_profile(image: pyvips.Image) -> pyvips.Image:
    """Convert by the embedded profile; grey stays grey, as one band of three equal ones."""
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=8)
    except pyvips.Error:
        return eight_bits(image)
    if not _is_grey(image) or converted.interpretation != "srgb":
        return converted
    grey = converted.extract_band(1)
    joined = grey.bandjoin(converted[converted.bands - 1]) if image.hasalpha() else grey
    return joined.copy(interpretation="b-w")


def _converted(image: pyvips.Image, fallback: str) -> pyvips.Image:
    try:
        return image.icc_transform("srgb", embedded=True, input_profile=fallback, depth=8)
    except pyvips.Error:
        return image.colourspace("srgb")


def _without_profile(image: pyvips.Image) -> pyvips.Image:
    """Let go of a profile that says no more than that the pixels are sRGB."""
    if not image.get_typeof(ICC_FIELD):
        return image
    bare = image.copy()
    bare.remove(ICC_FIELD)
    return bare
