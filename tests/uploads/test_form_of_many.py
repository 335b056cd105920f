"""Forms with many pictures, read one after the other."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.errors import ImagemillError, InvalidRequest, MalformedBody, TooLarge, Truncated
from imagemill.uploads.form_of_many import MOST_PICTURES, Carried, FormOfMany
from tests.uploads.forms import FORM, file_part, form, part, stream

PICTURE = bytes(range(256)) * 40
Seen = list[tuple[str | None, bytes | type[ImagemillError]]]


async def read(
    body: bytes, *, piece: int = 1000, max_bytes: int = 100_000, most: int = MOST_PICTURES
) -> tuple[Seen, dict[str, str]]:
    opened = FormOfMany(stream(body, piece), FORM, max_bytes, most)
    seen = [(each.file_name, await content(each)) async for each in opened.pictures()]
    return seen, opened.fields


async def content(picture: Carried) -> bytes | type[ImagemillError]:
    try:
        return b"".join([each async for each in picture.pieces()])
    except (TooLarge, Truncated) as error:
        return type(error)


@given(piece=st.integers(1, 400))
@hypothesis.settings(max_examples=30)
async def test_pictures_come_in_their_order_however_the_form_is_cut(piece: int) -> None:
    body = form(
        part("job", b'{"a": 1}'),
        file_part(PICTURE, "a.jpg"),
        part("between", "⛄".encode()),
        part("file", b"two"),
        file_part(b"\r\n--bb\r\n", "c.jpg"),
    )

    seen, fields = await read(body, piece=piece)

    assert seen == [("a.jpg", PICTURE), (None, b"two"), ("c.jpg", b"\r\n--bb\r\n")]
    assert fields == {"job": '{"a": 1}', "between": "⛄"}


async def test_a_picture_that_is_refused_is_skipped_to_its_end() -> None:
    body = form(file_part(b"one"), file_part(PICTURE, "big"), file_part(b""), file_part(b"two"))

    seen, _ = await read(body, max_bytes=len(PICTURE) - 1)

    assert [each for _, each in seen] == [b"one", TooLarge, Truncated, b"two"]


async def test_a_picture_that_nobody_reads_is_skipped() -> None:
    body = form(file_part(PICTURE, "a"), file_part(PICTURE, "b"), part("job", b"x"))
    opened = FormOfMany(stream(body), FORM, 100_000)

    names = [each.file_name async for each in opened.pictures()]

    assert names == ["a", "b"]
    assert opened.fields == {"job": "x"}


async def test_a_form_may_carry_ten_thousand_pictures() -> None:
    body = form(*(file_part(b"%d" % number) for number in range(10_000)))

    seen, _ = await read(body, piece=1 << 18)

    assert [each for _, each in seen] == [b"%d" % number for number in range(10_000)]


async def test_one_picture_more_than_allowed_refuses_the_form() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await read(form(*[file_part(b"x")] * 4), most=3)

    assert refusal.value.limit == {"limit_pictures": 3}


async def test_a_form_cannot_go_on_for_ever() -> None:
    with pytest.raises(InvalidRequest, match="longer"):
        await read(form(file_part(PICTURE)), max_bytes=500, most=1)


@pytest.mark.parametrize(
    "body",
    [
        form(),
        form(part("job", b"x")),
        form(file_part(PICTURE), part("a", b"1"), part("a", b"2")),
        form(file_part(PICTURE), part("a", b"\xff\xfe")),
        form(file_part(PICTURE), *(part(f"f{n}", b"") for n in range(65))),
    ],
)
async def test_a_form_that_is_wrong_as_a_whole_is_refused(body: bytes) -> None:
    with pytest.raises((InvalidRequest, MalformedBody)):
        await read(body)


@pytest.mark.parametrize(
    "body", [b"", b"no form", file_part(PICTURE), file_part(PICTURE)[:-50], b"--b\r\nbad\r\n"]
)
async def test_a_form_that_breaks_off_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        await read(body)


def test_what_is_no_form_carries_no_pictures() -> None:
    with pytest.raises(InvalidRequest, match="multipart"):
        FormOfMany(stream(b""), "image/jpeg", 1000)
