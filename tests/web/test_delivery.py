"""What a request for stored bytes is answered with: the whole, a range, or why not."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping

import pytest
from fastapi import Request, Response

from imagemill.errors import ChangedMeanwhile, IntegrityLost
from imagemill.web.delivery import (
    EVERYBODY,
    GATHERED_BYTES,
    OWNER,
    Audience,
    Delivered,
    deliver,
    holders,
)

SMALL = bytes(range(256)) * 4
LARGE = b"0123456789abcdef" * (GATHERED_BYTES // 16 + 1)
WRITTEN = 1_700_000_000.5
WRITTEN_TEXT = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER, SOONER = "Tue, 14 Nov 2023 22:13:21 GMT", "Tue, 14 Nov 2023 22:13:19 GMT"
TAG = hashlib.sha256(SMALL).hexdigest()


class Object:
    """Bytes in a storage that notes what was read of them."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.reads: list[tuple[int, int | None]] = []

    async def read(self, start: int, end: int | None) -> AsyncIterator[bytes]:
        self.reads.append((start, end))
        piece = self.content[start:end]
        for at in range(0, len(piece), 1 << 20):
            yield piece[at : at + (1 << 20)]


def asked(method: str = "GET", **headers: str) -> Request:
    written = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    return Request({"type": "http", "method": method, "headers": written})


async def answer(stored: Object, request: Request, audience: Audience = OWNER) -> Response:
    what = Delivered(
        media_type="image/png",
        size_bytes=len(stored.content),
        sha256=stored.sha256,
        written_at=WRITTEN,
        file_name="a.png",
        inline=True,
        audience=audience,
    )
    return await deliver(request, what, stored.read)


async def body(given: Response) -> bytes:
    pieces = getattr(given, "body_iterator", None)
    return bytes(given.body) if pieces is None else b"".join([bytes(each) async for each in pieces])


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", SMALL[:1]),
        ("bytes=10-19", SMALL[10:20]),
        ("bytes=1000-", SMALL[1000:]),
        ("bytes=1000-99999999", SMALL[1000:]),
        ("bytes=-24", SMALL[-24:]),
        ("bytes=-99999999", SMALL),
        ("BYTES= 0 - 1 ", SMALL[:2]),
    ],
)
async def test_one_range_is_given(wanted: str, part: bytes) -> None:
    given = await answer(Object(SMALL), asked(range=wanted))

    assert (given.status_code, await body(given)) == (206, part)
    assert given.headers["content-length"] == str(len(part))
    assert given.headers["content-range"].startswith("bytes ")
    assert given.headers["content-range"].endswith("/1024")


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,2-3",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
        "bytes=0-,0-,0-",
        "bytes=5-2",
        "bytes=-",
        "bytes=a-b",
        "bytes=\xb2-\xb3",
        "bytes=-1-2",
        "bytes=" + "9" * 40 + "-",
        "rows=0-1",
        "nonsense",
        "",
    ],
)
async def test_several_ranges_and_nonsense_are_answered_whole_and_read_once(wanted: str) -> None:
    stored = Object(SMALL)

    given = await answer(stored, asked(range=wanted))

    assert (given.status_code, await body(given)) == (200, SMALL)
    assert stored.reads == [(0, None)]


@pytest.mark.parametrize("wanted", ["bytes=-0", "bytes=1024-", "bytes=99999999-999999999"])
async def test_a_range_without_a_byte_is_refused_and_nothing_is_read(wanted: str) -> None:
    stored = Object(SMALL)

    given = await answer(stored, asked(range=wanted))

    assert given.status_code == 416
    assert given.headers["content-range"] == "bytes */1024"
    assert b"range_not_satisfiable" in await body(given)
    assert stored.reads == []


async def test_of_a_large_object_only_the_range_is_read() -> None:
    stored = Object(LARGE)

    given = await answer(stored, asked(range="bytes=16-31"))

    assert (given.status_code, await body(given)) == (206, b"0123456789abcdef")
    assert stored.reads == [(16, 32)]


async def test_a_range_of_a_small_object_is_given_only_where_the_whole_is_right() -> None:
    stored = Object(SMALL)
    stored.content = SMALL[:-1] + b"!"

    with pytest.raises(IntegrityLost):
        await answer(stored, asked(range="bytes=0-1"))


async def test_head_tells_everything_and_reads_nothing() -> None:
    stored = Object(SMALL)
    whole = await answer(Object(SMALL), asked())

    given = await answer(stored, asked("HEAD", range="bytes=0-1"))

    assert (given.status_code, await body(given), stored.reads) == (200, b"", [])
    assert dict(given.headers) == dict(whole.headers)
    assert given.headers["accept-ranges"] == "bytes"
    assert given.headers["content-length"] == "1024"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": f'"{TAG}"'}, 304),
        ({"if_none_match": f'"x", W/"{TAG}"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": TAG}, 200),
        ({"if_none_match": '"x"', "if_modified_since": LATER}, 200),
        ({"if_modified_since": WRITTEN_TEXT}, 304),
        ({"if_modified_since": LATER}, 304),
        ({"if_modified_since": SOONER}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_modified_since": "Tue, 99 Nov 2023 22:13:20 GMT"}, 200),
        ({"if_match": f'"{TAG}"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": f'"{TAG}"', "if_unmodified_since": SOONER}, 200),
        ({"if_unmodified_since": WRITTEN_TEXT}, 200),
        ({"range": "bytes=0-1", "if_range": f'"{TAG}"'}, 206),
        ({"range": "bytes=0-1", "if_range": WRITTEN_TEXT}, 206),
        ({"range": "bytes=0-1", "if_range": f'W/"{TAG}"'}, 200),
        ({"range": "bytes=0-1", "if_range": '"x"'}, 200),
        ({"range": "bytes=0-1", "if_range": LATER}, 200),
        ({"range": "bytes=0-1", "if_none_match": f'"{TAG}"'}, 304),
    ],
)
async def test_conditions_are_judged_as_the_rfc_has_it(
    headers: Mapping[str, str], status: int
) -> None:
    given = await answer(Object(SMALL), asked(**headers))

    assert given.status_code == status
    assert given.headers["etag"] == f'"{TAG}"'
    assert given.headers["last-modified"] == WRITTEN_TEXT


@pytest.mark.parametrize(
    "headers",
    [{"if_match": '"x"'}, {"if_match": f'W/"{TAG}"'}, {"if_unmodified_since": SOONER}],
)
async def test_another_file_than_is_meant_is_not_given(headers: Mapping[str, str]) -> None:
    stored = Object(SMALL)

    with pytest.raises(ChangedMeanwhile):
        await answer(stored, asked(**headers))

    assert stored.reads == []


async def test_a_picture_that_is_the_answer_to_work_is_given_whole() -> None:
    given = await answer(Object(SMALL), asked("POST", if_none_match="*", range="bytes=0-1"))

    assert (given.status_code, await body(given)) == (200, SMALL)


@pytest.mark.parametrize(
    ("audience", "cached", "policy"),
    [
        (OWNER, "private, max-age=31536000, immutable", "same-origin"),
        (EVERYBODY, "public, max-age=31536000, immutable", "cross-origin"),
        (holders(12), "public, max-age=12", "cross-origin"),
        (holders(-3), "public, max-age=0", "cross-origin"),
    ],
)
async def test_who_may_keep_and_show_it_is_said(
    audience: Audience, cached: str, policy: str
) -> None:
    given = await answer(Object(SMALL), asked(), audience)

    assert given.headers["cache-control"] == cached
    assert given.headers["cross-origin-resource-policy"] == policy
    assert given.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in given.headers["content-security-policy"]
    assert "sandbox" in given.headers["content-security-policy"]
