"""Tests meet the real thing, and code catches only what it can answer for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.house.sources import Source, complaints, snippet, sources

BROAD = frozenset({"Exception", "BaseException"})

EDGES: Mapping[str, str] = {
    "src/imagemill/cli/application.py": "the command line: one line for people, no traceback",
    "src/imagemill/database/sqlite.py": "a thread's result: raised again where it is awaited",
    "src/imagemill/database/postgres/writing.py": "as in sqlite.py",
    "src/imagemill/engine/child.py": "the order: whatever it met becomes its answer",
    "src/imagemill/engine/zygote.py": "the zygote's end: the parent is told why",
    "src/imagemill/uploads/fetching.py": "the fetch: whatever it met ends it, and no other",
    "src/imagemill/jobs/waiting.py": "the job that waited: what its plan met is told to its owner",
    "src/imagemill/notifier/sender.py": "the delivery: what a channel met is one failed try of it",
    "src/imagemill/worker/service.py": "the attempt: what a job met is told to the jobs service",
    "src/imagemill/web/requests.py": "the request: logged once, answered as a problem",
}
"""Modules that may catch everything, and which of the four edges each of them is."""

SLEEP_REASON = "# sleeps:"
"""A test may sleep where time itself is what it tests; this comment on the line says why."""


def fakes(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom | ast.Import) and _is_mock(node):
            yield source.complain(node.lineno, "unittest.mock is not imported here")
        if isinstance(node, ast.arg) and node.arg == "monkeypatch":
            yield source.complain(node.lineno, "pass the thing in instead of patching it")


def sleeps(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"}:
            yields_only = [ast.unparse(each) for each in node.args] == ["0"]
            if not yields_only and SLEEP_REASON not in source.lines[node.lineno - 1]:
                yield source.complain(node.lineno, "wait for what happens, not for a time")


def broad_catches(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _passes_on(node):
            yield source.complain(node.lineno, "catches everything")


def test_nothing_is_mocked_or_patched() -> None:
    assert complaints(fakes) == []


def test_no_test_sleeps_to_wait() -> None:
    assert complaints(sleeps, "tests") == []


def test_only_the_four_edges_catch_everything() -> None:
    catching = {str(each.path) for each in sources("src") if list(broad_catches(each))}

    assert catching == set(EDGES)


@pytest.mark.parametrize(
    "line",
    [
        "from unittest.mock import Mock",
        "from unittest import mock",
        "import unittest.mock",
        "def test_it(monkeypatch) -> None: ...",
    ],
)
def test_a_fake_is_found(line: str) -> None:
    assert len(list(fakes(snippet(line)))) == 1


@pytest.mark.parametrize("line", ["time.sleep(1)", "await asyncio.sleep(0.1)"])
def test_a_sleep_is_found(line: str) -> None:
    assert len(list(sleeps(snippet("async def test_it() -> None:", f"    {line}")))) == 1


@pytest.mark.parametrize(
    "line", ["await asyncio.sleep(0)", "time.sleep(1)  # sleeps: it is the age"]
)
def test_a_sleep_of_nothing_or_with_a_reason_is_not(line: str) -> None:
    assert list(sleeps(snippet("async def test_it() -> None:", f"    {line}"))) == []


@pytest.mark.parametrize(
    "what", ["", " Exception", " (OSError, BaseException)", " Exception as error"]
)
def test_a_broad_catch_is_found(what: str) -> None:
    source = snippet("try:", "    ...", f"except{what}:", "    ...")

    assert len(list(broad_catches(source))) == 1


def test_a_narrow_catch_is_not() -> None:
    source = snippet("try:", "    ...", "except (OSError, ValueError):", "    ...")

    assert list(broad_catches(source)) == []


def test_a_broad_catch_that_only_tidies_up_and_passes_on_is_not() -> None:
    source = snippet("try:", "    ...", "except BaseException:", "    close()", "    raise")

    assert list(broad_catches(source)) == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool(BROAD & {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)})


def _is_mock(node: ast.ImportFrom | ast.Import) -> bool:
    within = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return any(f"{within}{each.name}".startswith("unittest.mock") for each in node.names)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
