"""What is read out of a URL is what every other reader reads out of what we write."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from imagemill.egress import urls
from imagemill.egress.settings import EgressSettings
from imagemill.egress.urls import Target
from imagemill.errors import UrlNotAllowed

ANY = EgressSettings(
    allow_networks="0.0.0.0/0, ::/0", allow_ports=",".join(map(str, range(1, 999)))
).rules
"""Allows all addresses, so that only the form of a URL counts."""
PARTS = st.sampled_from(
    [
        *("http://", "HTTPS://", "ftp://", "//", "http:", "/", "\\", "@", ":", "?", "#", "%", "&"),
        *(".", "..", "[", "]", "::1", "[::1]", "::ffff:7f00:1", "127.0.0.1", "127.1", "0x7f", "0"),
        *("2130706433", "00177", "localhost", "example.com", "a", "EXAMPLE", "xn--", "-", "_"),
        *(
            ":80",
            ":443",
            ":0",
            ":99999",
            "%2e",
            "%40",
            "%00",
            "user",
            "bücher",
            "ß",
            "\u017f",
            "\u212a",
        ),
        *(
            "。",
            "\uff0e",
            "\u00ad",
            "\u200d",
            "\u2028",
            "\ufeff",
            "①",
            "\t",
            "\n",
            " ",
            "\r\n",
            "\0",
        ),
    ]
)


def read(url: str) -> Target | None:
    try:
        return urls.read(url, ANY)
    except UrlNotAllowed:
        return None


@settings(max_examples=400)
@given(st.lists(PARTS, max_size=8).map("".join) | st.text(max_size=30).map("http://".__add__))
def test_any_text_is_refused_or_read_as_others_read_it(url: str) -> None:
    target = read(url)

    if target is not None:
        theirs, stdlib = httpx2.URL(target.url), urlsplit(target.url)
        assert target.url.isascii()
        assert read(target.url) == target
        assert (theirs.scheme, theirs.host) == (target.scheme, target.host)
        assert (stdlib.scheme, stdlib.hostname) == (target.scheme, target.host)
        assert (stdlib.username, theirs.userinfo) == (None, b"")


@settings(max_examples=200)
@given(st.lists(PARTS, max_size=6).map("".join))
def test_any_redirect_is_refused_or_read_as_others_read_it(location: str) -> None:
    here = urls.read("https://images.example.com/a/b?c", ANY)

    try:
        there = urls.joined(here, location, ANY)
    except UrlNotAllowed:
        return

    assert httpx2.URL(here.url).join(there.url).host == there.host
    assert read(there.url) == there
