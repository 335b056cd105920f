"""A browser gets the pages and their files, under a policy that lets nothing else in."""

from __future__ import annotations

import pytest

from imagemill import __version__
from imagemill.console.pages import page
from imagemill.errors import NotFound
from tests.console.static import assets


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_is_html_that_names_the_version(path: str) -> None:
    answer = page(path, __version__)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert __version__.encode() in answer.body
    assert b"{{" not in answer.body


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/assets/{name}" for name in assets())])
def test_a_page_and_its_files_forbid_what_they_do_not_need(path: str) -> None:
    headers = page(path, __version__).headers

    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("docs.js", "text/javascript; charset=utf-8"),
        ("imagemill.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_a_file_has_its_true_type(name: str, media_type: str) -> None:
    answer = page(f"/assets/{name}", __version__)

    assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize(
    "name",
    [
        "gone.js",
        "",
        ".",
        "..",
        "../pages.py",
        "..\\pages.py",
        "/etc/hosts",
        "docs",
        "docs.js/",
        "DOCS.JS",
        "docs.js\0.svg",
        "a" * 400 + ".js",
    ],
)
def test_what_is_no_file_of_the_pages_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        page(f"/assets/{name}", __version__)


def test_who_has_a_page_already_gets_no_body() -> None:
    tag = page("/docs", __version__).headers["etag"]

    again = page("/docs", __version__, known=f'"other", W/{tag}')

    assert again.status_code == 304
    assert again.body == b""
    assert again.headers["etag"] == tag


def test_another_version_makes_another_page() -> None:
    tag = page("/docs", "1.0.0").headers["etag"]

    assert page("/docs", "1.0.1", known=tag).status_code == 200
