"""Whatever a file is called, the header is one header and the ending is the true one."""

from __future__ import annotations

from email.message import Message

import pytest

from imagemill.web.disposition import disposition, saved_name

HOSTILE = (
    'photo.jpg\r\nSet-Cookie: a=b\r\n\r\n<script>alert("x")</script>',
    '"; filename="evil.exe',
    "photo\u202egpj.exe",
    "Ferien \U0001f3d6 am Meer.jpg",
    "; rm -rf ~",
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "\x00\x01\x7f",
    "%0d%0aX: y",
    "é" * 400,
    "....",
    "  ",
    "\ud800.jpg".encode("utf-8", "replace").decode(),
)


@pytest.mark.parametrize("called", HOSTILE)
def test_no_name_leaves_its_place(called: str) -> None:
    written = disposition(saved_name(called, "some-id", "jpeg"), inline=False)

    assert written.isascii()
    assert written.isprintable()
    assert written.count('"') == 2
    assert written.count(";") == 2
    assert written.startswith('attachment; filename="')


@pytest.mark.parametrize("called", HOSTILE)
def test_a_name_keeps_no_path_no_turned_order_and_has_its_true_ending(called: str) -> None:
    name = saved_name(called, "some-id", "jpeg")

    assert not set(name) & set('/\\"\r\n\u202e\x00:;'[:-1])
    assert name.rpartition(".")[2].lower() in {"jpeg", "jpg"}
    assert not name.startswith(".")
    assert len(name) <= 155


@pytest.mark.parametrize(
    ("called", "ending", "name"),
    [
        ("photo.jpg", "jpeg", "photo.jpg"),
        ("photo.JPEG", "jpeg", "photo.JPEG"),
        ("photo.html", "jpeg", "photo.html.jpeg"),
        ("scan.tif", "tiff", "scan.tif"),
        ("Grüße aus Köln.png", "png", "Grüße aus Köln.png"),
        (None, "webp", "some-id.webp"),
        ("", "webp", "some-id.webp"),
        ("\u202e", "webp", "some-id.webp"),
    ],
)
def test_a_file_is_saved_under_its_own_name(called: str | None, ending: str, name: str) -> None:
    assert saved_name(called, "some-id", ending) == name


def test_both_forms_of_the_name_are_written() -> None:
    header = disposition("Grüße aus Köln.png", inline=True)

    message = Message()
    message["content-disposition"] = header
    assert header.startswith('inline; filename="Gr--e-aus-K-ln.png"; ')
    assert header.endswith("filename*=UTF-8''Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.png")
