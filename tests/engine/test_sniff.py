"""Formats are told by their bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.contracts.facts import Format
from imagemill.engine.sniff import sniff
from tests.engine.orders_given import landscape, saved

SMALL = landscape(16, 16)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("JPEG", Format.JPEG),
        ("PNG", Format.PNG),
        ("WEBP", Format.WEBP),
        ("AVIF", Format.AVIF),
        ("TIFF", Format.TIFF),
        ("GIF", Format.GIF),
        ("BMP", Format.BMP),
        ("ICO", Format.ICO),
        ("JPEG2000", Format.JP2),
    ],
)
def test_each_format_is_known_by_what_its_own_writer_makes(form: str, expected: Format) -> None:
    found = sniff(saved(SMALL, form)[:1024])

    assert found is expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"II+\x00\x08\x00\x00\x00" + bytes(16), Format.TIFF),
        (b"MM\x00+\x00\x08\x00\x00" + bytes(16), Format.TIFF),
        (b"\xff\x4f\xff\x51\x00\x2f", Format.JP2),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", Format.HEIC),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", Format.AVIF),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Format.SVG),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- by hand -->\n<svg\n>", Format.SVG),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''><svg >", Format.SVG),
        (b"<svgx>", None),
        (b"<html><svg></svg></html>", None),
        (b"<!-- <svg> -->", None),
        (b"push graphic-context", None),
        (b"BM said hello", None),
        (b"8BPS\x00\x01", None),
        (b"%PDF-1.7", None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_a_head_is_told_by_its_magic_bytes(head: bytes, expected: Format | None) -> None:
    assert sniff(head) is expected


@given(st.binary(max_size=1024))
def test_no_bytes_make_it_stumble(head: bytes) -> None:
    assert sniff(head) is None or isinstance(sniff(head), Format)


@given(st.integers(1, 400))
def test_endless_comments_are_no_trap(count: int) -> None:
    head = b"<!--" + b"-" * count + b"<svg" * (count // 4)

    assert sniff(head[:1024]) is None
