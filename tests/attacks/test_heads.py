"""Heads that could be read in two ways, or never end, are refused, and the connection is closed.

HT033 of the attacks; what a caller shows of itself is HT035 in `tests/gateway/test_origins.py` and
HT011 in `tests/gateway/test_limiting.py`.
"""

from __future__ import annotations

import pytest

from tests.acceptance import raw
from tests.acceptance.api import API
from tests.acceptance.system import System

TWO_WAYS = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, chunks first": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "one length twice": b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": b"Content-Length: 4, 4\r\n\r\nabcd",
    "a length with a sign": b"Content-Length: +4\r\n\r\nabcd",
    "a hexadecimal length": b"Content-Length: 0x4\r\n\r\nabcd",
    "a negative length": b"Content-Length: -4\r\n\r\nabcd",
    "a length past all numbers": b"Content-Length: 99999999999999999999\r\n\r\nabcd",
    "an empty length": b"Content-Length: \r\n\r\nabcd",
    "a folded field": b"X-A: b\r\n c\r\n\r\n",
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Content-Length : 4\r\n\r\nabcd",
    "a space before a field": b" X-A: b\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding over chunks": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks under a coding": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a line feed alone": b"X-A: b\nX-B: c\r\n\r\n",
    "a carriage return alone": b"X-A: b\rX-B: c\r\n\r\n",
    "a zero byte": b"X-A: b\0c\r\n\r\n",
    "a field without a name": b": b\r\n\r\n",
    "a second host": b"Host: other\r\n\r\n",
    "a second key": b"X-API-Key: a\r\nX-API-Key: b\r\n\r\n",
    "a chunk with a prefix": b"Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
    "a chunk past all numbers": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    "chunks by line feeds": b"Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n",
    "a chunk that is longer": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    "a length after the body": b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a key after the body": b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-API-Key: a\r\n\r\n",
    "a body and another protocol": (
        b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nabcd"
    ),
}


@pytest.mark.parametrize("rest", TWO_WAYS.values(), ids=TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused_with_all_that_follows(
    system: System, api: API, rest: bytes
) -> None:
    start = b"POST /api/v1/images HTTP/1.1\r\nHost: a\r\n"

    answer = raw.sent(system, start + rest + b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")

    assert raw.status_of(answer) == 400
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.count(b"\r\ncontent-length: ") == 1


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /health/live",
        b"GET /health/live HTTP/2.0",
        b"GET /health/live HTTP/1.2",
        b"GET /health /live HTTP/1.1",
        b"GET\t/health/live\tHTTP/1.1",
        b"GET /health/\x01 HTTP/1.1",
        b"CONNECT localhost:22 HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
def test_what_is_no_request_of_http_1_is_refused(
    system: System, api: API, request_line: bytes
) -> None:
    answer = raw.sent(system, request_line + b"\r\nHost: a\r\n\r\n")

    assert raw.status_of(answer) == 400


def test_a_request_without_a_host_is_refused(system: System, api: API) -> None:
    answer = raw.sent(system, b"GET /health/live HTTP/1.1\r\n\r\n")

    assert raw.status_of(answer) == 400
    assert b'"code":"malformed_request"' in answer


def test_a_browser_that_would_like_another_protocol_is_answered_in_this_one(
    system: System, api: API
) -> None:
    asked = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    answer = raw.sent(system, asked)

    assert raw.status_of(answer) == 200
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /?" + b"a" * 20_000 + b" HTTP/1.1\r\n", 414, b"target_too_long"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n", 431, b"head_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", 431, b"head_too_large"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 300_000, 431, b"head_too_large"),
    ],
    ids=["target", "field", "fields", "endless field"],
)
def test_a_head_that_is_too_large_is_refused(
    system: System, api: API, head: bytes, status: int, code: bytes
) -> None:
    answer = raw.sent(system, head)

    assert raw.status_of(answer) in {status, 0}  # 0: hung up while more was sent.
    assert not answer or code in answer


def test_requests_that_are_sent_ahead_are_answered_in_order_and_not_without_end(
    system: System, api: API
) -> None:
    live = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    few, many = raw.sent(system, live * 5 + last), raw.sent(system, live * 500 + last)

    assert few.count(b"HTTP/1.1 200") == 6
    assert many.count(b"HTTP/1.1 200") < 500
