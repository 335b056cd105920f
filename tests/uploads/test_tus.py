"""What the headers of the tus protocol say, and which of them are refused."""

from __future__ import annotations

import hashlib

import pytest

from imagemill.errors import (
    ChecksumMismatch,
    InvalidRequest,
    MalformedBody,
    TooLarge,
    UnsupportedBody,
    UnsupportedVersion,
)
from imagemill.uploads import tus
from tests.uploads.asking import in_base64

SHA1 = in_base64(hashlib.sha1(b"ab", usedforsecurity=False).digest())
SHA256 = in_base64(hashlib.sha256(b"ab").digest())


def creation(metadata: str = "", **more: str) -> tus.Creation:
    """Read the headers of a creation of 5 bytes, of 10 that a picture may have."""
    headers = {"upload-length": "5", "upload-metadata": metadata}
    return tus.creation_of(
        headers | {name.replace("_", "-"): each for name, each in more.items()}, 10
    )


def test_the_version_is_asked_for() -> None:
    tus.require_version({"tus-resumable": "1.0.0"})

    for headers in ({}, {"tus-resumable": "0.2.2"}):
        with pytest.raises(UnsupportedVersion):
            tus.require_version(headers)


def test_a_creation_tells_size_name_and_type() -> None:
    metadata = f"filename {in_base64('Süd.jpg'.encode())},filetype {in_base64(b'image/jpeg')},mine"

    wanted = creation(metadata)

    assert wanted == tus.Creation(5, metadata, "Süd.jpg", "image/jpeg")


def test_a_creation_need_tell_no_more_than_its_size() -> None:
    assert creation() == tus.Creation(5, None, None, None)


@pytest.mark.parametrize("length", ["", "-1", "1.5", "x", "٣", "1" * 19, "0"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        creation(upload_length=length)

    assert [each.field for each in caught.value.errors] == ["Upload-Length"]


def test_a_length_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        creation(upload_length="11")


@pytest.mark.parametrize("header", ["upload_defer_length", "upload_concat"])
def test_what_is_not_offered_is_refused_by_name(header: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        creation(**{header: "1"})

    assert [each.field.lower() for each in caught.value.errors] == [header.replace("_", "-")]


@pytest.mark.parametrize(
    "metadata",
    [
        "x" * 4097,
        ",".join(f"n{n}" for n in range(33)),
        "a YQ==,a YQ==",
        "a !",
        "a YQ",
        "a,,b",
        "ä YQ==",
        f"{'n' * 101} YQ==",
    ],
    ids=["long", "many", "twice", "letters", "padding", "empty", "no ASCII", "long name"],
)
def test_metadata_that_cannot_be_read_is_refused(metadata: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        tus.described(metadata)

    assert [each.field for each in caught.value.errors] == ["Upload-Metadata"]


def test_metadata_is_read_where_it_is_text() -> None:
    metadata = f"mine {in_base64(b'a, b')}, flag,raw {in_base64(bytes([255]))}"

    assert tus.described(metadata) == {"mine": "a, b", "flag": ""}
    assert tus.described("") == {}


def test_a_long_name_keeps_its_end() -> None:
    wanted = creation(f"filename {in_base64(b'x' * 300 + b'.jpg')}")

    assert wanted.name == "x" * 251 + ".jpg"


def test_only_bytes_of_an_upload_are_a_body() -> None:
    tus.require_body({"content-type": "application/offset+octet-stream"})

    for headers in ({}, {"content-type": "image/jpeg"}):
        with pytest.raises(UnsupportedBody):
            tus.require_body(headers)


def test_a_body_that_says_it_is_too_long_is_refused_at_once() -> None:
    for length in ("5", "", "x", "9" * 30):
        tus.require_room({"content-length": length}, 5)

    with pytest.raises(TooLarge):
        tus.require_room({"content-length": "6"}, 5)


@pytest.mark.parametrize("header", [f"sha1 {SHA1}", f"sha256 {SHA256}"])
def test_a_checksum_tells_whether_the_bytes_are_those_that_were_sent(header: str) -> None:
    right, wrong = tus.Checksum(header), tus.Checksum(header)
    for piece in (b"a", b"b"):
        right.add(piece)
    wrong.add(b"ba")

    right.require()
    with pytest.raises(ChecksumMismatch) as caught:
        wrong.require()

    assert caught.value.status == 460


@pytest.mark.parametrize(
    "header", ["", "sha1", "sha1 !", "md5 YQ==", f"SHA1 {SHA1}", f"crc32 {SHA1}"]
)
def test_a_checksum_that_cannot_be_checked_is_refused(header: str) -> None:
    with pytest.raises(MalformedBody, match="sha1, sha256"):
        tus.Checksum(header)


def test_times_are_written_as_http_has_them() -> None:
    assert tus.date_of(1_800_000_000.0) == "Fri, 15 Jan 2027 08:00:00 GMT"
