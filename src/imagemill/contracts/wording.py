"""What is wrong with a value, in our words instead of those of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final[Mapping[str, str]] = {
    "bool_parsing": "must be true or false.",
    "bool_type": "must be true or false.",
    "dict_type": "must be an object.",
    "enum": "must be {expected}.",
    "extra_forbidden": "is not known here.",
    "finite_number": "must be a finite number.",
    "float_parsing": "must be a number.",
    "float_type": "must be a number.",
    "greater_than": "must be more than {gt}.",
    "greater_than_equal": "must be at least {ge}.",
    "int_from_float": "must be a whole number.",
    "int_parsing": "must be a whole number.",
    "int_type": "must be a whole number.",
    "less_than": "must be less than {lt}.",
    "less_than_equal": "must be at most {le}.",
    "list_type": "must be a list.",
    "literal_error": "must be {expected}.",
    "missing": "is missing.",
    "string_too_long": "may have {max_length} characters at most.",
    "string_too_short": "must have {min_length} characters at least.",
    "string_type": "must be text.",
    "too_long": "may have {max_length} items at most.",
    "too_short": "must have {min_length} items at least.",
}


def problem_with(found: Mapping[str, Any]) -> str:
    """Word one of pydantic's findings as the rest of a sentence that begins with the field."""
    words = _WORDS.get(found["type"])
    if words is not None:
        return words.format_map(found.get("ctx", {}))
    return f"{found['msg'].removeprefix('Value error, ').rstrip('.')}."
