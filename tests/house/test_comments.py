"""A comment that silences a check, or puts work off, carries its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.house.sources import ROOT, Source, complaints, snippet

_SILENCED = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore)(?P<rest>[^#]*(?:#(?!\s*(?:noqa|type:)).*)?)"
)
_RULES = {
    "noqa": re.compile(r"^:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*(?P<reason>.*)$"),
    "type": re.compile(r"^\[[a-z-]+(?:\s*,\s*[a-z-]+)*\](?P<reason>.*)$"),
}
_PUT_OFF = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
_ISSUE = re.compile(r"#\d+")
_WORDS_OF_A_REASON = 2


def silenced_without_reason(source: Source) -> Iterator[str]:
    for line, comment in source.comments():
        for found in _SILENCED.finditer(comment):
            if not _explained(found["kind"], found["rest"].strip()):
                yield source.complain(line, f"{comment!r} names no rule, or no reason for it")


def put_off_without_issue(source: Source) -> Iterator[str]:
    for line, comment in source.comments():
        if _PUT_OFF.search(comment) and not _ISSUE.search(comment):
            yield source.complain(line, f"{comment!r} has no issue number")


def test_every_silenced_check_names_its_rule_and_the_reason() -> None:
    assert complaints(silenced_without_reason) == []


def test_work_that_is_put_off_has_an_issue() -> None:
    assert complaints(put_off_without_issue) == []


def test_every_rule_that_ruff_ignores_has_its_reason_beside_it() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = settings.partition("[tool.ruff")[2].partition("[tool.mypy")[0]

    listed = re.findall(r'^\s*"[A-Z]+\d*",?.*$', section, flags=re.MULTILINE)

    assert listed
    assert [line for line in listed if "#" not in line] == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S101",
        "# noqa: S101 - why",
        "# type: ignore",
        "# type: ignore[arg-type]",
        "# type: ignore  # the stubs are wrong here",
    ],
)
def test_a_silenced_check_without_reason_is_found(comment: str) -> None:
    assert len(list(silenced_without_reason(snippet(f"x = 1  {comment}")))) == 1


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: S101 - it cannot happen here",
        "# noqa: S101, BLE001  # the edge of the attempt",
        "# type: ignore[arg-type]  # the stubs are wrong here",
        "# type: ignore[no-any-return]  # no stubs for it  # noqa: S301 - our own bytes only",
    ],
)
def test_a_silenced_check_with_rule_and_reason_is_not(comment: str) -> None:
    assert list(silenced_without_reason(snippet(f"x = 1  {comment}"))) == []


def test_work_put_off_without_an_issue_is_found() -> None:
    source = snippet("x = 1  # TODO: later", "y = 2  # TODO(#12): later")

    assert len(list(put_off_without_issue(source))) == 1


def _explained(kind: str, rest: str) -> bool:
    rule = _RULES["noqa" if kind == "noqa" else "type"].match(rest)
    return rule is not None and len(re.findall(r"\w+", rule["reason"])) >= _WORDS_OF_A_REASON
