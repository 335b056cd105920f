"""A profile is judged by what it does, not by how it calls itself."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.engine import profile

RED, GREEN, BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)


def test_a_measured_curve_of_srgb_is_srgb() -> None:
    assert profile.is_srgb(_rgb(_curve(1024)))


@pytest.mark.parametrize("power", [1.0, 1.8, 2.6])
def test_another_curve_is_not_srgb_even_with_its_name(power: float) -> None:
    assert not profile.is_srgb(_rgb(_curve(1024, power)))


def test_other_primaries_are_not_srgb() -> None:
    assert not profile.is_srgb(_rgb(_curve(1024), red=(0.6097, 0.3111, 0.0195)))


@pytest.mark.parametrize("curve", [b"", b"curv", b"curv" + bytes(7) + b"\x01\x02\x33"])
def test_a_curve_that_is_cut_off_or_a_plain_power_is_not_srgb(curve: bytes) -> None:
    assert not profile.is_srgb(_rgb(curve))


def test_a_profile_with_a_table_is_converted_by_it() -> None:
    assert not profile.is_srgb(_file(_tags(_curve(1024)) | {b"A2B0": b"mft2"}))


def test_names_of_both_versions_are_read() -> None:
    old = _file({b"desc": b"desc" + bytes(4) + struct.pack(">I", 7) + b"Camera\x00"})
    words = "Büro".encode("utf-16-be")
    new = _file(
        {b"desc": b"mluc" + bytes(4) + struct.pack(">II", 1, 12) + b"deDE"
         + struct.pack(">II", len(words), 28) + words}
    )  # fmt: skip

    assert profile.name(old) == "Camera"
    assert profile.name(new) == "Büro"


@given(st.binary(max_size=400), st.integers(0, 2**32 - 1))
def test_no_bytes_make_it_stumble(noise: bytes, count: int) -> None:
    content = bytes(16) + b"RGB " + bytes(108) + struct.pack(">I", count) + noise

    assert not profile.is_srgb(content)
    assert profile.name(content) is None or isinstance(profile.name(content), str)


def _rgb(curve: bytes, red: tuple[float, ...] = RED) -> bytes:
    return _file(_tags(curve) | {b"rXYZ": _xyz(red)})


def _tags(curve: bytes) -> dict[bytes, bytes]:
    colours = {b"rXYZ": _xyz(RED), b"gXYZ": _xyz(GREEN), b"bXYZ": _xyz(BLUE)}
    return colours | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(each * 65536) for each in values))


def _curve(count: int, power: float | None = None) -> bytes:
    def light(level: float) -> float:
        if power:
            return float(level**power)
        return level / 12.92 if level <= 0.04045 else float(((level + 0.055) / 1.055) ** 2.4)

    values = [round(light(at / (count - 1)) * 65535) for at in range(count)]
    return b"curv" + bytes(4) + struct.pack(f">I{count}H", count, *values)


def _file(tags: dict[bytes, bytes]) -> bytes:
    at, table, body = 132 + 12 * len(tags), b"", b""
    for key, data in tags.items():
        table += struct.pack(">4sII", key, at + len(body), len(data))
        body += data
    return bytes(16) + b"RGB " + bytes(108) + struct.pack(">I", len(tags)) + table + body
