"""What libvips and its decoders complain about, brought into the errors that callers know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from imagemill.contracts.facts import Format
from imagemill.errors import (
    Corrupt,
    MemoryLimit,
    PictureRefused,
    TooManyPixels,
    Truncated,
    UnsupportedFormat,
)

_MEMORY = re.compile(
    r"out of memory|insufficient memory|unable to allocate|memory error"
    r"|encoder plugin generated an error",
    re.IGNORECASE,
)
"""The last is how the encoder of AVIF says it; seen with 81 Mpx in 1.5 GB."""
_WRITING = re.compile(r"target: write error|unable to write|write failed", re.IGNORECASE)
_TRUNCATED = re.compile(
    r"premature end|unexpected end|end of file|truncated|read error at scanline|seek error"
    r"|not enough data|insufficient data|got \d+ bytes, expected",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"not been built in|unsupported (?:codec|feature|compression)|support for this compression"
    r"|not configured|unknown or unsupported",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"maximum supported image dimension is (\d+)", re.IGNORECASE)
_DECODER = re.compile(
    r"VipsJpeg|jpegload|vipspng|pngload|libpng|spng|webp2vips|webpload|tiff2vips|tiffload"
    r"|vips__tiff|heif:|heifload|gifload|nsgif|svgload|libtiff|bad \w+ format",
    re.IGNORECASE,
)
# An encoder also says that it cannot write when its decoder stopped; where writing itself fails,
# `target: write error` stands with it.
_ECHO = re.compile(r"load error\s*$", re.IGNORECASE)
"""libvips' own word that a loader stopped. Whether it comes behind the decoder's differs from run
to run, for threads race there; it says nothing of why, so it is told only where nothing else is."""
_NOISE = re.compile(r"source: bad seek|TIFF_SETGET_UNDEFINED|unable to write to target|^\s*$")


@contextmanager
def translated(found: Format) -> Iterator[None]:
    """Turn what a decoder says of a picture of this format into a refusal; let the rest pass.

    Decoding is lazy: it happens while an output is written, so this stands round the writing too.
    A complaint that no decoder made (an encoder's, or a mistake of ours) leaves as it came.
    """
    forget()
    try:
        yield
    except pyvips.Error as error:
        refusal = refused(error, found)
        if refusal is None:
            raise
        raise refusal from error


def forget() -> None:
    """Empty libvips' memory of complaints, so that none is told of the wrong picture.

    Decoders also note there what they got over; the note would stand in the next error's text.
    """
    pyvips.vips_lib.vips_error_clear()


def refused(error: pyvips.Error, found: Format, *, opening: bool = False) -> PictureRefused | None:
    """Give the refusal that a complaint amounts to; None where no decoder is to blame.

    While a file is being `opened` only its decoder can complain. One with nothing to say is a
    decoder too: libpng stops so at a damaged header.
    """
    said = "\n".join(line for line in str(error.detail).splitlines() if not _NOISE.search(line))
    name = found.value.upper()
    if _MEMORY.search(said):
        return MemoryLimit(
            f"The work on this {name} needs more memory than one child may take. Ask for a smaller"
            " size, or another format than AVIF."
        )
    if said and not opening and (_WRITING.search(said) or not _DECODER.search(said)):
        return None
    if most := _TOO_LARGE.search(said):
        return TooManyPixels(
            f"The {name} declares a side longer than its decoder takes, {most[1]} px.",
            limit={"max_side_px": int(most[1])},
        )
    if _UNSUPPORTED.search(said):
        return UnsupportedFormat(f"This kind of {name} is not read here: {_short(said)}.")
    if _TRUNCATED.search(said):
        return Truncated(f"The {name} ends before its pixels do: {_short(said)}.")
    return Corrupt(f"The {name} cannot be decoded: {_short(said)}.")


def _short(said: str) -> str:
    """Keep the last line, where decoders say what stopped them, without libvips' own prefix."""
    lines = said.strip().splitlines()
    lines = [line for line in lines if not _ECHO.search(line)] or lines
    last = lines[-1] if lines else "it contradicts its own format"
    return re.sub(r"^\w+: ", "", last).strip().rstrip(".")[:200]
