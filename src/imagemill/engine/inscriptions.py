"""What is written into a picture's file beside its pixels, as bounded JSON values.

Everything here reads bytes that a stranger chose: each reader takes what it understands, passes
over the rest, and never fails the work on the picture.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pyvips
from PIL import ExifTags
from PIL.Image import Exif

from imagemill.engine import profile
from imagemill.engine.tones import ICC_FIELD

MAX_BYTES = 1_000_000
"""Blocks that are longer are passed over."""
MAX_ENTRIES = 300
MAX_TEXT = 2_000
MAX_ITEMS = 64
_EXIF_PREFIX = b"Exif\x00\x00"
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.Interop)
_UNWANTED = {
    "MakerNote",
    "ExifOffset",
    "GPSInfo",
    "ExifInteroperabilityOffset",
    "PrintImageMatching",
}
_TRUNCATED_BY = (ValueError, KeyError, TypeError, IndexError, SyntaxError, OSError, struct.error)


def inscriptions(image: pyvips.Image, *, gps: bool) -> dict[str, Any]:
    """Read EXIF, GPS (when asked for), IPTC, XMP and the colour profile's name.

    Parts that are not there, or cannot be read, are None.
    """
    exif = _block(image, "exif-data").removeprefix(_EXIF_PREFIX)
    icc = _block(image, ICC_FIELD, most=4 * MAX_BYTES)
    found: dict[str, Any] = {
        "exif": _exif(exif),
        "iptc": _iptc(_block(image, "iptc-data")),
        "xmp": _xmp(_block(image, "xmp-data"), gps=gps),
        "icc": {"name": profile.name(icc), "size_bytes": len(icc)} if icc else None,
    }
    return found | ({"gps": _gps(exif)} if gps else {})


def _block(image: pyvips.Image, field: str, most: int = MAX_BYTES) -> bytes:
    data: bytes = image.get(field) if image.get_typeof(field) else b""
    return data if len(data) <= most else b""


def _exif(data: bytes) -> dict[str, Any] | None:
    """Read the main directory and the camera's; names are those of the EXIF 3.0 standard."""
    if not data:
        return None
    read: dict[str, Any] = {}
    try:
        exif = _loaded(data)
        read |= _named(exif, ExifTags.TAGS)
        for directory in _DIRECTORIES:
            read |= _named(exif.get_ifd(directory), ExifTags.TAGS)
    except _TRUNCATED_BY:
        return read or None
    return read or None


def _gps(data: bytes) -> dict[str, Any] | None:
    """Read the GPS directory, and the place in degrees where it is whole."""
    try:
        exif = _loaded(data)
        tags = exif.get_ifd(ExifTags.IFD.GPSInfo)
        read = _named(tags, ExifTags.GPSTAGS)
        latitude = _degrees(read.get("GPSLatitude"), read.get("GPSLatitudeRef"), "S")
        longitude = _degrees(read.get("GPSLongitude"), read.get("GPSLongitudeRef"), "W")
    except _TRUNCATED_BY:
        return None
    if latitude is not None and longitude is not None:
        read |= {"latitude": latitude, "longitude": longitude}
    return read or None


def _loaded(data: bytes) -> Exif:
    exif = Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What is broken in it is passed over.
        exif.load(data)
    return exif


def _degrees(parts: object, side: object, negative: str) -> float | None:
    if not isinstance(parts, list) or not all(isinstance(part, (int, float)) for part in parts):
        return None
    degrees, minutes, seconds = ([float(part) for part in parts] + [0.0] * 3)[:3]
    total = degrees + minutes / 60 + seconds / 3600
    return round(-total if side == negative else total, 7)


def _named(tags: Mapping[int, Any], names: Mapping[int, str]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for tag in list(tags)[:MAX_ENTRIES]:
        name = names.get(tag)
        value = None if name in _UNWANTED or name is None else _plain(tags[tag])
        if name is not None and value is not None:
            read[name] = value
    return read


def _plain(value: object) -> Any:  # noqa: ANN401 - a JSON value.
    """Turn a value into JSON; None where there is no good way."""
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "replace")) if value[:1].isascii() else None
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value[:MAX_ITEMS]]
    try:
        number = float(value)  # type: ignore[arg-type]  # Pillow's rationals; others raise.
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return round(number, 9) if math.isfinite(number) else None


def _text(value: str) -> str:
    """Drop what no terminal, page or database should be made to show."""
    cut = value[:MAX_TEXT].split("\x00", 1)[0]
    return "".join(sign for sign in cut if sign.isprintable() or sign in "\n\t").strip()


# IPTC-IIM 4.2, record 2 (https://www.iptc.org/std/IIM/4.2/specification/IIMV4.2.pdf).
_IPTC = {
    5: "ObjectName", 7: "EditStatus", 10: "Urgency", 15: "Category", 20: "SupplementalCategories",
    25: "Keywords", 40: "SpecialInstructions", 55: "DateCreated", 60: "TimeCreated",
    80: "By-line", 85: "By-lineTitle", 90: "City", 92: "Sub-location", 95: "Province-State",
    100: "CountryCode", 101: "CountryName", 103: "OriginalTransmissionReference",
    105: "Headline", 110: "Credit", 115: "Source", 116: "CopyrightNotice", 118: "Contact",
    120: "Caption-Abstract", 122: "Writer-Editor",
}  # fmt: skip
_REPEATED = {"Keywords", "SupplementalCategories"}


def _iptc(data: bytes) -> dict[str, Any] | None:
    read: dict[str, Any] = {}
    for record, number, value in _datasets(data):
        name = _IPTC.get(number) if record == 2 else None
        if name in _REPEATED:
            read.setdefault(name, []).append(_text(value.decode("utf-8", "replace")))
        elif name is not None:
            read.setdefault(name, _text(value.decode("utf-8", "replace")))
    return read or None


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Walk the data sets, from the first that begins like one (Photoshop puts words before)."""
    at = data.find(b"\x1c\x02")
    for _ in range(MAX_ENTRIES):
        if at < 0 or data[at : at + 1] != b"\x1c" or at + 5 > len(data):
            return
        record, number, length = struct.unpack(">BBH", data[at + 1 : at + 5])
        if length & 0x8000:
            return
        yield record, number, data[at + 5 : at + 5 + length]
        at += 5 + length


def _xmp(data: bytes, *, gps: bool) -> dict[str, Any] | None:
    """Read the packet's properties, by their names without the namespace.

    Documents that declare types or entities are passed over: no packet of a camera does.
    """
    if not data or b"<!" in data:
        return None
    try:
        root = ET.fromstring(data.strip(b"\x00 \t\r\n"))  # noqa: S314 - bounded, without entities.
    except (ET.ParseError, ValueError, LookupError, OSError):
        return None
    read: dict[str, Any] = {}
    for description in root.iter(f"{_RDF}Description"):
        for key, value in _properties(description):
            if len(read) < MAX_ENTRIES and (gps or not key.startswith("GPS")):
                read.setdefault(key, value)
    return read or None


_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def _properties(description: ET.Element) -> Iterator[tuple[str, Any]]:
    for key, value in description.attrib.items():
        if not key.startswith(_RDF):
            yield _local(key), _text(value)
    for child in description:
        items = [_text(item.text or "") for item in child.iter(f"{_RDF}li")][:MAX_ITEMS]
        yield _local(child.tag), items or _text(child.text or "")


def _local(key: str) -> str:
    return key.rsplit("}", 1)[-1][:100]
