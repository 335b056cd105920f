"""Pictures in request bodies, whole, cut and malformed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.errors import InvalidRequest, MalformedBody, TooLarge
from imagemill.uploads.form import Body, body_of
from tests.uploads.forms import FORM, form, part, stream

PICTURE = bytes(range(256)) * 40


async def read(
    body: bytes, media: str = FORM, *, piece: int = 1000, most: int = 100_000
) -> tuple[bytes, Body]:
    read = body_of(stream(body, piece), media, most)
    return b"".join([each async for each in read.pieces()]), read


@pytest.mark.parametrize("media", ["image/jpeg", "application/x-www-form-urlencoded", ""])
async def test_any_other_body_is_the_picture_itself(media: str) -> None:
    content, body = await read(PICTURE, media)

    assert (content, body.fields) == (PICTURE, {})


@given(
    piece=st.integers(1, 400), before=st.binary(max_size=300).filter(lambda b: b"\r\n--b" not in b)
)
async def test_a_form_is_read_however_it_is_cut(piece: int, before: bytes) -> None:
    body = form(
        part("job", b'{"a": 1}'),
        part("file", before + PICTURE, '; filename="a.jpg"'),
        part("after", "\u26c4".encode()),
    )

    content, read_body = await read(body, piece=piece)

    assert content == before + PICTURE
    assert read_body.fields == {"job": '{"a": 1}', "after": "\u26c4"}
    assert read_body.file_name == "a.jpg"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        form(part("file", PICTURE))[:-9],
        part("file", PICTURE)[:-100],
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nbad header\r\n\r\nx\r\n--b--\r\n",
    ],
)
async def test_a_form_that_breaks_the_rules_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        await read(body)


async def test_a_form_without_boundary_is_malformed() -> None:
    with pytest.raises(MalformedBody, match="boundary"):
        await read(form(part("file", PICTURE)), "multipart/form-data")


@pytest.mark.parametrize(
    "body",
    [
        form(part("picture", PICTURE)),
        form(part("file", b"")),
        form(part("file", PICTURE), part("file", PICTURE)),
        form(part("file", PICTURE), part("a", b"1"), part("a", b"2")),
        form(part("file", PICTURE), part("a", b"\xff\xfe")),
        form(part("file", PICTURE), *(part(f"f{n}", b"") for n in range(65))),
        form(part("file", PICTURE), part("long", b"x" * 1_000_001)),
    ],
)
async def test_a_form_that_carries_no_single_picture_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read(body, most=10_000_000)


async def test_an_empty_body_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="empty"):
        await read(b"", "image/jpeg")


@pytest.mark.parametrize("media", [FORM, "image/jpeg"])
async def test_a_picture_that_is_too_large_is_refused_before_its_end(media: str) -> None:
    seen = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal seen
        yield b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\n"
        while True:
            seen += 1000
            yield b"x" * 1000

    with pytest.raises(TooLarge) as error:
        async for _ in body_of(endless(), media, 50_000).pieces():
            pass

    assert seen <= 52_000
    assert error.value.limit == {"limit_bytes": 50_000}
