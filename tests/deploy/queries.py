"""PromQL, looked at for the names in it: metrics and labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_STRING: Final = re.compile(r'"[^"]*"|\'[^\']*\'')
_SELECTOR: Final = re.compile(r"\{([^}]*)\}")
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_NAME: Final = re.compile(r"(?<![\w.:])[A-Za-z_:][\w:]*(?!\s*\()(?![\w:])")
_OPERATORS: Final = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})


@dataclass(frozen=True, slots=True)
class Query:
    """The names that a query uses."""

    metrics: frozenset[str]
    labels: frozenset[str]


def read(text: str) -> Query:
    """Find the names in a query; what is followed by a bracket is a function and none of them."""
    plain = _RANGE.sub("", _STRING.sub('""', text))
    inside = [each for found in _SELECTOR.findall(plain) for each in _matchers(found)]
    grouped = [each.strip() for found in _GROUPING.findall(plain) for each in found.split(",")]
    left = _GROUPING.sub(" ", _SELECTOR.sub(" ", plain))
    metrics = {name for name in _NAME.findall(left) if name.lower() not in _OPERATORS}
    return Query(frozenset(metrics), frozenset(each for each in (*inside, *grouped) if each))


def _matchers(text: str) -> list[str]:
    return [re.split(r"[=!]", each)[0].strip() for each in text.split(",") if each.strip()]
