"""The page of error codes, from the tree in `errors` and the remedies beside this file."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

from docs.generator.markdown import page, table
from imagemill.errors import Failed, ImagemillError, PictureRefused, Refused

REMEDIES = Path(__file__).with_name("remedies.toml")

_INTRODUCTION = """\
Every error is answered as `application/problem+json`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). `code` is the name to branch on: it stays,
while `detail` is for people and may be worded better one day. `limit` holds the limit that was
broken and the value that broke it; `errors` names every wrong field at once. A job that failed
carries the same codes."""


def errors_page() -> str:
    """Give the page; raises `ValueError` where a code has no remedy or a remedy no code."""
    known = {each.code: each for each in leaves()}
    remedies = read_remedies()
    if known.keys() != remedies.keys():
        differing = ", ".join(sorted(known.keys() ^ remedies.keys()))
        raise ValueError(f"{REMEDIES.name} and the codes do not fit each other: {differing}")
    sections = [_section(each, remedies[code]) for code, each in known.items()]
    return page("Error codes", _INTRODUCTION, _overview(known), *sections)


def leaves() -> Iterator[type[ImagemillError]]:
    """Yield the class of each code, in the order of the tree; parents of codes only group.

    What names no code of its own is not told apart by callers, and answers as its parent.
    """
    return _leaves(ImagemillError)


def read_remedies() -> Mapping[str, str]:
    """Read what a caller can do about each code."""
    return tomllib.loads(REMEDIES.read_text(encoding="utf-8"))


def _leaves(root: type[ImagemillError]) -> Iterator[type[ImagemillError]]:
    children = [each for each in root.__subclasses__() if "code" in vars(each)]
    if not children:
        yield root
    for child in children:
        yield from _leaves(child)


def _overview(known: Mapping[str, type[ImagemillError]]) -> str:
    rows = [
        (f"[`{code}`](#{code})", str(int(each.status)), _whose(each))
        for code, each in known.items()
    ]
    return table(("code", "status", "what must change"), rows)


def _whose(error: type[ImagemillError]) -> str:
    if issubclass(error, PictureRefused):
        return "the picture, or what is asked of it"
    if issubclass(error, Refused) and not error.retry:
        return "the request"
    return "nothing: try again" if error.retry else "what is stored"


def _section(error: type[ImagemillError], remedy: str) -> str:
    return "\n\n".join(
        (
            f"## {error.code}",
            f"{_meaning(error)} Answered with {_status(error)}. {_fate(error)}",
            f"**What to do.** {remedy}",
        )
    )


def _status(error: type[ImagemillError]) -> str:
    """Write a status as HTTP words it; 460 is the tus protocol's own."""
    named = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}
    return named.get(error.status, f"{error.status}, as the tus protocol has it")


def _meaning(error: type[ImagemillError]) -> str:
    """Turn the class's own sentence, `Say that ...`, into one about the code, `Says that ...`."""
    first = (inspect.getdoc(error) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")
    return first.replace("Say ", "Says ", 1)


def _fate(error: type[ImagemillError]) -> str:
    if not issubclass(error, Failed):
        later = "may be taken later" if error.retry else "will be refused again"
        return f"The same request {later}."
    alarm = " An operator should look at it." if error.alarm else ""
    if not error.retry:
        return f"A job that meets it fails at once.{alarm}"
    return f"Imagemill tries a job that meets it again before it gives up.{alarm}"
