"""The files that the house tests read, and the one form in which they complain."""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies, its text, and what can be read from that."""

    path: Path
    """Relative to the root of the repository."""
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python reads it."""
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """The file as people read it."""
        return self.text.splitlines()

    def comments(self) -> Iterator[tuple[int, str]]:
        """Yield the line number and text of every comment; strings that look like one are none."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def complain(self, line: int, problem: str) -> str:
        """Say where and what, in the form that editors jump to."""
        return f"{self.path}:{line}: {problem}"


Rule = Callable[[Source], Iterable[str]]
"""Yields one complaint for each place that breaks a rule."""


def complaints(rule: Rule, *folders: str) -> list[str]:
    """Try a rule on every Python file in the folders."""
    return [found for source in sources(*folders) for found in rule(source)]


def snippet(*lines: str, path: str = "src/imagemill/snippet.py") -> Source:
    """Make a file of a few lines, to show that a rule finds what it should."""
    return Source(Path(path), "\n".join(lines) + "\n")


def sources(*folders: str) -> list[Source]:
    """Give every Python file in the folders; all of them when none is named."""
    return [each for each in _python() if not folders or each.path.parts[0] in folders]


def files(*suffixes: str) -> list[Path]:
    """List the repository's files, those not yet committed too; all of them without suffixes."""
    return [path for path in _listed() if not suffixes or path.suffix in suffixes]


@cache
def _python() -> tuple[Source, ...]:
    """Read each file once for all rules; its tree is made once, when a rule first asks for it."""
    return tuple(Source(path, (ROOT / path).read_text(encoding="utf-8")) for path in files(".py"))


@cache
def _listed() -> tuple[Path, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (Path(name) for name in listed.split("\0") if name)
    return tuple(path for path in paths if (ROOT / path).is_file())
