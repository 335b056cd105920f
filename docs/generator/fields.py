"""Fields of a model as rows of a table, read from its JSON schema: what callers see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field in words."""

    name: str
    type: str
    range: str
    """Bounds, such as `0 to 100`; empty where the type says it all."""
    default: str
    description: str

    def cells(self) -> tuple[str, str, str, str, str]:
        """Give the cells of a table's row."""
        return (f"`{self.name}`", self.type, self.range, self.default, self.description)


HEAD = ("field", "type", "range", "default", "meaning")


def rows(model: type[BaseModel], *, without: frozenset[str] = frozenset()) -> Iterator[FieldRow]:
    """Yield the fields of a model in their order."""
    schema = model.model_json_schema()
    definitions: Mapping[str, Schema] = schema.get("$defs", {})
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        if name not in without:
            yield _row(name, field, definitions, required=name in required)


def _row(
    name: str, field: Schema, definitions: Mapping[str, Schema], *, required: bool
) -> FieldRow:
    kinds = [_resolved(each, definitions) for each in field.get("anyOf", [field])]
    real = [each for each in kinds if each.get("type") != "null"]
    return FieldRow(
        name=name,
        type=" or ".join(dict.fromkeys(_type(each, definitions) for each in real)),
        range=", ".join(dict.fromkeys(filter(None, map(_range, real)))),
        default=_default(field, required=required),
        description=field.get("description", "").replace("\n", " "),
    )


def _resolved(field: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = field.get("$ref", "")
    return definitions[reference.rsplit("/", 1)[-1]] if reference else field


def _type(field: Schema, definitions: Mapping[str, Schema]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if field.get("type") == "array":
        inner = _resolved(field.get("items", {}), definitions)
        return f"list of {_type(inner, definitions)}"
    if field.get("type") == "object" and field.get("properties"):
        return "object with " + ", ".join(f"`{each}`" for each in field["properties"])
    return _PLAIN.get(field.get("type", ""), "any JSON value")


_PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "object",
}


def _range(field: Schema) -> str:
    low = _bound(field, "minimum", "exclusiveMinimum", "more than", step=1)
    high = _bound(field, "maximum", "exclusiveMaximum", "less than", step=-1)
    if low and high:
        return f"{low} to {high}"
    if low or high:
        return f"at least {low}" if low else f"at most {high}"
    return _length(field)


def _bound(field: Schema, closed: str, opened: str, words: str, *, step: int) -> str:
    """Give a bound in words; an open one of whole numbers is the closed one beside it."""
    if closed in field:
        return f"{field[closed]:,}"
    if opened in field and field.get("type") == "integer":
        return f"{field[opened] + step:,}"
    return f"{words} {field[opened]:,}" if opened in field else ""


def _length(field: Schema) -> str:
    most = field.get("maxLength", field.get("maxItems"))
    unit = "characters" if "maxLength" in field else "items"
    return f"at most {most} {unit}" if most is not None else ""


def _default(field: Schema, *, required: bool) -> str:
    """Give the default; one that is worked out when the program starts stands in the meaning."""
    if required:
        return "required"
    return "" if field.get("default") is None else f"`{json.dumps(field['default'])}`"
