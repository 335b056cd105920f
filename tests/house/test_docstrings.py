"""Every module, public class and public function says what it gives the caller."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.sources import Source, complaints, snippet

Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(source: Source) -> Iterator[str]:
    if ast.get_docstring(source.tree) is None:
        yield source.complain(1, "the module says nothing about itself")
    if source.path.parts[0] != "tests":
        for node in _public(source.tree):
            if ast.get_docstring(node) is None:
                yield source.complain(node.lineno, f"{node.name} has no docstring")


def test_every_module_public_class_and_public_function_has_a_docstring() -> None:
    assert complaints(undocumented) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("x = 1",),
        ('"""Module."""', "def f() -> None: ..."),
        ('"""Module."""', "class C:", "    x = 1"),
        ('"""Module."""', "class C:", '    """Class."""', "    def f(self) -> None: ..."),
    ],
    ids=["module", "function", "class", "method"],
)
def test_a_missing_docstring_is_found(lines: tuple[str, ...]) -> None:
    assert len(list(undocumented(snippet(*lines)))) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ('"""Module."""', "def _f() -> None: ..."),
        ('"""Module."""', "class _C:", "    def f(self) -> None: ..."),
        ('"""Module."""', "@overload", "def f() -> None: ..."),
    ],
    ids=["private function", "private class", "overload"],
)
def test_what_is_private_needs_none(lines: tuple[str, ...]) -> None:
    assert list(undocumented(snippet(*lines))) == []


def _public(parent: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    for node in parent.body:
        if isinstance(node, Documented) and not node.name.startswith("_") and not _exempt(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def _exempt(node: Documented) -> bool:
    """Leave out what repeats a documented thing: overloads, setters, and overriding methods."""
    marks = {ast.unparse(each).rsplit(".", maxsplit=1)[-1] for each in node.decorator_list}
    return bool(marks & {"overload", "setter", "override"})
