"""`imagemill operations`: what can be done to a picture, and with which parameters."""

from __future__ import annotations

import difflib
import inspect
import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.operations import Example, Step

_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}


def operations(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One operation, with its parameters.")
    ] = None,
    *,
    as_json: options.AsJSON = False,
) -> None:
    """Show what can be done to a picture."""
    from imagemill.operations import operations as found

    known = found()
    if name is None:
        _show_all(known, as_json=as_json)
    elif name in known:
        _show_one(known[name], as_json=as_json)
    else:
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(known)}."
        raise CommandFailed(f"There is no operation {name}.{hint}")


def _show_all(known: Mapping[str, type[Step]], *, as_json: bool) -> None:
    if as_json:
        screen.say_json([_described(step) for step in known.values()])
        return
    columns = (Column("operation"), Column("gives"), Column("what it does"))
    screen.table(columns, [(name, str(step.kind), _summary(step)) for name, step in known.items()])


def _show_one(step: type[Step], *, as_json: bool) -> None:
    if as_json:
        screen.say_json(_described(step))
        return
    schema = step.model_json_schema()
    screen.say(f"{inspect.getdoc(step)}\n")
    columns = (Column("parameter"), Column("takes"), Column("default"), Column("meaning"))
    required = set(schema.get("required", ()))
    rows = [
        (
            name,
            takes(about, schema.get("$defs", {})),
            "must be given" if name in required else _default(about),
            about.get("description", ""),
        )
        for name, about in schema["properties"].items()
        if name != "op"
    ]
    if rows:
        screen.table(columns, rows)
    screen.say("\nExamples")
    for example in step.examples:
        screen.say(f"  {example.title}\n    --step {_as_option(step, example)}")


def takes(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Write what a parameter takes, from its JSON Schema: type, choices and bounds."""
    if reference := about.get("$ref"):
        return takes(definitions[reference.rsplit("/", 1)[-1]], definitions)
    if choices := about.get("enum"):
        return ", ".join(map(str, choices))
    for several in ("anyOf", "oneOf"):
        if parts := about.get(several):
            return " or ".join(
                takes(part, definitions) for part in parts if part.get("type") != "null"
            )
    if "const" in about:
        return str(about["const"])
    bounds = [text.format(about[key]) for key, text in _BOUNDS.items() if key in about]
    return " ".join([str(about.get("type", "anything")), ", ".join(bounds)]).strip()


def _described(step: type[Step]) -> dict[str, Any]:
    return {
        "name": step.model_fields["op"].default,
        "summary": _summary(step),
        "kind": str(step.kind),
        "parameters": step.model_json_schema(),
        "examples": [
            {"title": each.title, "parameters": dict(each.parameters)} for each in step.examples
        ],
    }


def _summary(step: type[Step]) -> str:
    return (inspect.getdoc(step) or "").partition("\n\n")[0].replace("\n", " ")


def _default(about: Mapping[str, Any]) -> str:
    default = about.get("default")
    return "" if default is None else _written(default)


def _as_option(step: type[Step], example: Example) -> str:
    words = [f"{name}={_quoted(_written(value))}" for name, value in example.parameters.items()]
    return shlex.quote(" ".join([step.model_fields["op"].default, *words]))


def _quoted(value: str) -> str:
    # Double quotes, because the whole step stands in single ones.
    plain = value and not set(value) & set(" \t\n\"'\\")
    return value if plain else json.dumps(value, ensure_ascii=False)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
