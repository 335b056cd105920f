"""Open an original by the one loader that its bytes call for, and hand out its pixels."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass

import pyvips

from imagemill.contracts.facts import Facts, Format, Limits
from imagemill.engine import by_pillow, complaints, fonts, sniff, tones
from imagemill.errors import TooLarge, UnsupportedFormat
from imagemill.operations import operations

LOADERS = {
    Format.JPEG: "jpegload_source",
    Format.PNG: "pngload_source",
    Format.WEBP: "webpload_source",
    Format.AVIF: "heifload_source",
    Format.TIFF: "tiffload_source",
    Format.GIF: "gifload_source",
    Format.SVG: "svgload_source",
}
"""The libvips loader of each format; it is called by name, so that no other is ever tried."""

MOVING = {Format.GIF, Format.WEBP}
"""Formats whose frames are an animation; the pages of a TIFF are not."""

SHRINKS = (8, 4, 2)
_SHRINKING = {Format.JPEG, Format.WEBP}
_SVG_LOADER = "VipsForeignLoadSvg"
_CODECS = ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-be", "utf-16-le", "idna")
"""Encodings of text in files; Python reads each from disk when it is first used."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The pixels of an original, as they are stored: not yet upright, in the file's own colours."""

    facts: Facts
    frames: tuple[pyvips.Image, ...]
    """Lazy: pixels are decoded as they are asked for, from top to bottom, once."""
    shrink: int = 1
    """How much smaller than stored the decoder makes the picture (1, 2, 4 or 8)."""
    delays_ms: tuple[int, ...] = ()
    """How long each frame of the animation stands, also where only the first is decoded."""
    loops: int = 0


class Decoder:
    """Decode one original, and count how often: the promise is once for all its outputs."""

    def __init__(self, original: int, facts: Facts) -> None:
        """Read from the open descriptor what a probe found to be `facts`."""
        self._original = original
        self._facts = facts
        self.decodes = 0
        """How often the pixels were opened so far."""

    def decoded(self, *, shrink: int, moving: bool) -> Decoded:
        """Open the pixels once more."""
        self.decodes += 1
        return decoded(self._original, self._facts, shrink=shrink, moving=moving)


def preload() -> None:
    """Load everything that will be needed behind the lock; runs no vips operation.

    Called once in the process whose forks decode. After it nothing is imported or read from disk.
    """
    pyvips.block_untrusted_set(True)  # noqa: FBT003 - the library's own signature.
    pyvips.cache_set_max(0)
    by_pillow.register()
    for codec in _CODECS:
        codecs.lookup(codec)
    fonts.preload()
    operations()


def sniffed(original: int, limits: Limits) -> Format:
    """Name the format behind an open descriptor; refuses too many bytes and unknown kinds."""
    # Not fstat: glibc asks by path for it, which the sandbox forbids.
    size = os.lseek(original, 0, os.SEEK_END)
    os.lseek(original, 0, os.SEEK_SET)
    if size > limits.max_bytes:
        raise TooLarge(
            f"The picture has {size} bytes; at most {limits.max_bytes} are taken.",
            limit={"max_bytes": limits.max_bytes, "bytes": size},
        )
    found = sniff.sniff(os.pread(original, sniff.HEAD_BYTES, 0))
    if found is None or (found is Format.SVG and not limits.svg):
        accepted = [each.value for each in Format if _reads(each, limits)]
        raise UnsupportedFormat(
            f"The bytes are of no format that is read here: {', '.join(accepted)}."
        )
    return found


def header(original: int, found: Format) -> pyvips.Image:
    """Read what stands before the pixels, with libvips; for formats in `LOADERS`."""
    return _load(original, found)


def decoded(original: int, facts: Facts, *, shrink: int, moving: bool) -> Decoded:
    """Open for decoding: the first frame, or all of an animation when it is to stay `moving`."""
    if facts.format in by_pillow.NAMES:
        with by_pillow.opened(original, facts.format, facts.width * facts.height) as picture:
            return Decoded(facts, (by_pillow.loaded(picture),))
    roll = _load(original, facts.format, **_options(facts.format, shrink=shrink, moving=moving))
    frames = _unrolled(roll) if moving else [roll]
    return Decoded(
        facts,
        tuple(tones.plain(frame) for frame in frames),
        shrink,
        delays_ms=tuple(roll.get("delay")) if roll.get_typeof("delay") else (),
        loops=int(roll.get("loop")) if roll.get_typeof("loop") else 0,
    )


def can_shrink(facts: Facts) -> bool:
    """Tell whether the decoder of this format can make a smaller picture for less work."""
    return facts.format in _SHRINKING and facts.frames == 1


def _reads(found: Format, limits: Limits) -> bool:
    if found is Format.HEIC:
        return by_pillow.reads_heic()
    return found is not Format.SVG or limits.svg


def _options(found: Format, *, shrink: int, moving: bool) -> dict[str, float]:
    options: dict[str, float] = {"n": -1} if moving else {}
    if shrink > 1:
        options |= {"shrink": shrink} if found is Format.JPEG else {"scale": 1 / shrink}
    return options


def _load(original: int, found: Format, **options: float) -> pyvips.Image:
    if found is Format.SVG:
        pyvips.operation_block_set(_SVG_LOADER, False)  # noqa: FBT003 - the library's own signature.
    complaints.forget()
    source = pyvips.Source.new_from_descriptor(original)
    try:
        return pyvips.Operation.call(
            LOADERS[found], source, access="sequential", fail_on="error", **options
        )
    except pyvips.Error as error:
        refusal = complaints.refused(error, found, opening=True)
        raise (refusal or error) from error


def _unrolled(roll: pyvips.Image) -> list[pyvips.Image]:
    """Cut the frames out of the one tall image that libvips makes of an animation."""
    height = int(roll.get("page-height")) if roll.get_typeof("page-height") else roll.height
    return [roll.crop(0, top, roll.width, height) for top in range(0, roll.height, height)]
