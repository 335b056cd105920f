"""Tell the format of a file from its first bytes, never from its name or declared type."""

from __future__ import annotations

import re

from imagemill.contracts.facts import Format

HEAD_BYTES = 1024
"""How many of the first bytes are looked at; SVG may begin with comments and declarations."""


def sniff(head: bytes) -> Format | None:
    """Name the format that the bytes begin like; None where it is none that is read here.

    Sources: the magic numbers of each format's specification; for the ISO base media files (AVIF,
    HEIC) the brands of ISO/IEC 23000-22 and https://aomediacodec.github.io/av1-avif/.
    """
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return Format.BMP
    if _ICON.match(head):
        return Format.ICO
    return Format.SVG if _is_svg(head) else None


_MAGIC = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
    (b"II+\x00\x08\x00\x00\x00", Format.TIFF),
    (b"MM\x00+\x00\x08\x00\x00", Format.TIFF),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Format.JP2),
    (b"\xff\x4f\xff\x51", Format.JP2),
)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"}

# Reserved 0, type 1 (icon), a count of 1 to 255 pictures, and the first one's reserved byte.
_ICON = re.compile(rb"\x00\x00\x01\x00[\x01-\xff]\x00.{3}\x00", re.DOTALL)

# What may stand before the root of an SVG: white space, an XML declaration, comments and a document
# type without definitions. One pattern for all of it needs possessive repeats, which are wrong in
# Python 3.11 before 3.11.5 (https://github.com/python/cpython/issues/106052).
_BEFORE_SVG = re.compile(rb"\s+|<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>\[]*>", re.DOTALL)
_SVG = re.compile(rb"<(?:svg:)?svg[\s>/]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _is_svg(head: bytes) -> bool:
    """Tell whether the root element is an svg; anything unusual before it makes it none for us."""
    at = len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0
    while passed := _BEFORE_SVG.match(head, at):
        at = passed.end()
    return _SVG.match(head, at) is not None


def _by_brand(head: bytes) -> Format | None:
    """Decide between AVIF and HEIC: the major brand first, then the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return Format.AVIF
        if brand in _HEIC_BRANDS:
            return Format.HEIC
    return None
