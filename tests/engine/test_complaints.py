"""What decoders complain about, told the same way whatever order it comes in."""

from __future__ import annotations

import pytest
import pyvips

from imagemill.contracts.facts import Format
from imagemill.engine import complaints

WHY = "VipsJpeg: premature end of JPEG image\n"
ECHO = "jpegload_source: load error\n"


def complaint(said: str) -> pyvips.Error:
    """Make an error of libvips with this text; the library reads its own log otherwise."""
    error = pyvips.Error("unable to call jpegload_source")
    error.detail = said
    return error


@pytest.mark.parametrize("said", [WHY, WHY + ECHO, ECHO + WHY])
def test_why_a_decoder_stopped_is_told_whatever_libvips_adds(said: str) -> None:
    refusal = complaints.refused(complaint(said), Format.JPEG)

    assert refusal is not None
    assert refusal.code == "truncated"
    assert refusal.message == "The JPEG ends before its pixels do: premature end of JPEG image."


def test_an_echo_alone_is_better_than_nothing() -> None:
    refusal = complaints.refused(complaint(ECHO), Format.JPEG)

    assert refusal is not None
    assert refusal.message == "The JPEG cannot be decoded: load error."
