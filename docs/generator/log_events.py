"""The page of lines of the log, from the calls in the code that write them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.generator.markdown import page, table

SOURCE = Path(__file__).parents[2] / "src" / "imagemill"
_LEVELS = {"debug", "info", "warning", "error", "exception"}
_INTRODUCTION = """\
Every line of the log is an event with a name that stays, and fields. Beside those shown here, each
has `timestamp` and `level`; `request_id` and `trace_id` where it is about a request or a job,
`job_id` where it is about a job, `delivery_id` where somebody is told.
[How to watch Imagemill](../how-to/watch-it.md) says how they are written.

What libraries say is an event `library_said`, with the words in `said` and where they come from in
`logger`."""


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """One line that the code may write."""

    part: str
    """Folder or module that writes it."""
    name: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]


def log_events_page() -> str:
    """Give the page: one row for each event of each part."""
    rows = [
        (
            f"`{each.name}`",
            ", ".join(each.levels),
            each.part,
            ", ".join(f"`{field}`" for field in each.fields),
        )
        for each in log_events()
    ]
    return page("Lines of the log", _INTRODUCTION, table(("event", "level", "by", "fields"), rows))


def log_events() -> list[LogEvent]:
    """Find every call that writes a line, joined where a part writes an event at several places."""
    found: dict[tuple[str, str], tuple[set[str], dict[str, None]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        part = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for name, level, fields in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            levels, known = found.setdefault((part, name), (set(), {}))
            levels.add(level)
            known.update(dict.fromkeys(fields))
    return sorted(
        LogEvent(part, name, tuple(sorted(levels)), tuple(fields))
        for (part, name), (levels, fields) in found.items()
    )


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, list[str]]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        is_log = ast.unparse(node.func.value) in {"_log", "self._log"}
        if is_log and node.func.attr in _LEVELS and isinstance(node.args[0], ast.Constant):
            level = "error" if node.func.attr == "exception" else node.func.attr
            fields = [each.arg for each in node.keywords if each.arg not in {None, "exc_info"}]
            yield str(node.args[0].value), level, [str(each) for each in fields]
