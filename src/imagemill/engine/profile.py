"""ICC profiles: their names, and whether one says anything that sRGB does not.

Source: ICC.1:2022 (https://www.color.org/specification/ICC.1-2022-05.pdf), sections 7 and 10.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEADER, _ENTRY = 128, 12
_MAX_TAGS = 100
_MAX_NAME = 200

_SRGB_COLOURS = {
    b"rXYZ": (0.4360, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""The primaries of sRGB, adapted to the D50 white of profiles (IEC 61966-2-1)."""
_CLOSE = 0.003
"""How far two values may lie apart and still be the same: less than one level of 8 bits."""
_SRGB_EXPONENT = 2.4
_LINEAR_BELOW = 0.04045


def name(profile: bytes) -> str | None:
    """Give the name that a profile calls itself; None where it has none that can be read."""
    tag = _tags(profile).get(b"desc", b"")
    if tag.startswith(b"desc"):
        length = int.from_bytes(tag[8:12], "big")
        text = tag[12 : 12 + length].decode("latin-1")
    elif tag.startswith(b"mluc") and len(tag) >= _HEADER // 4 - 4:
        length, offset = struct.unpack(">II", tag[20:28])
        text = tag[offset : offset + length].decode("utf-16-be", "replace")
    else:
        return None
    return text.split("\x00", 1)[0].strip()[:_MAX_NAME] or None


def is_srgb(profile: bytes) -> bool:
    """Tell whether the colours of an RGB profile are those of sRGB, so that nothing is to convert.

    Compares what the profile does (its primaries and its curve), not how it calls itself. Answers
    no when in doubt: then the colours are converted, which costs time and is never wrong.
    """
    if profile[16:20] != b"RGB ":
        return False
    tags = _tags(profile)
    return (
        b"A2B0" not in tags
        and all(_near(_xyz(tags.get(key, b"")), wanted) for key, wanted in _SRGB_COLOURS.items())
        and all(_is_srgb_curve(tags.get(key, b"")) for key in (b"rTRC", b"gTRC", b"bTRC"))
    )


def _tags(profile: bytes) -> dict[bytes, bytes]:
    return dict(_each_tag(profile))


def _each_tag(profile: bytes) -> Iterator[tuple[bytes, bytes]]:
    count = min(int.from_bytes(profile[_HEADER : _HEADER + 4], "big"), _MAX_TAGS)
    for at in range(_HEADER + 4, _HEADER + 4 + count * _ENTRY, _ENTRY):
        entry = profile[at : at + _ENTRY]
        if len(entry) == _ENTRY:
            key, offset, size = struct.unpack(">4sII", entry)
            yield key, profile[offset : offset + size]


def _xyz(tag: bytes) -> tuple[float, ...]:
    return _fixed(tag[8:20]) if tag.startswith(b"XYZ ") else ()


def _fixed(data: bytes) -> tuple[float, ...]:
    """Read numbers of 16 bits before and 16 behind the point."""
    whole = data[: len(data) // 4 * 4]
    return tuple(value / 65536 for value in struct.unpack(f">{len(whole) // 4}i", whole))


def _near(found: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return len(found) == len(wanted) and all(
        abs(one - other) <= _CLOSE for one, other in zip(found, wanted, strict=True)
    )


def _is_srgb_curve(tag: bytes) -> bool:
    if tag.startswith(b"para"):
        return _is_srgb_formula(tag)
    if not tag.startswith(b"curv"):
        return False
    count = int.from_bytes(tag[8:12], "big")
    values = tag[12 : 12 + 2 * count]
    # One value is a plain power, which sRGB is not.
    if count < 2 or len(values) < 2 * count:
        return False
    levels = [level / 65535 for level in struct.unpack(f">{count}H", values)]
    return all(
        abs(levels[at] - _light(at / (count - 1))) <= _CLOSE
        for at in range(0, count, max(1, count // 16))
    )


def _is_srgb_formula(tag: bytes) -> bool:
    if tag[8:10] != b"\x00\x03":
        return False
    wanted = (_SRGB_EXPONENT, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, _LINEAR_BELOW)
    return _near(_fixed(tag[12:32]), wanted)


def _light(level: float) -> float:
    """Give the light that a coded level of sRGB stands for, both from 0 to 1."""
    if level <= _LINEAR_BELOW:
        return level / 12.92
    return float(((level + 0.055) / 1.055) ** _SRGB_EXPONENT)
