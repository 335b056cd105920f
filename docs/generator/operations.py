"""The page of operations, from the classes in `operations/`."""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Mapping
from typing import Any

from docs.generator.fields import HEAD, rows
from docs.generator.markdown import code, page, table
from imagemill.operations import Example, Kind, Step, operations

_INTRODUCTION = """\
A step is an operation with its parameters: a JSON object whose `op` names the operation. A
pipeline is a list of steps that ends in an encoding (`convert`) or in data (`metadata`); where no
such step is written, `convert` is added. A field that is not in the table is refused by name, and
so is a value out of its range. Orientation is applied before the first step, so widths and heights
are those that a viewer sees. Sizes are in pixels.

`GET /api/v1/operations` answers the same facts as JSON."""

_LEAVES = {
    Kind.PIXELS: "Leaves a picture, which the next step takes.",
    Kind.ENCODING: "Ends a pipeline with the bytes of a file.",
    Kind.DATA: "Ends a pipeline with a JSON document.",
}


def operations_page() -> str:
    """Give the page, one section for each operation in alphabetical order."""
    found = operations()
    contents = "\n".join(f"- [`{name}`](#{name}): {_first(step)}" for name, step in found.items())
    sections = [_section(name, step) for name, step in found.items()]
    return page("Operations", _INTRODUCTION, contents, *sections)


def _section(name: str, step: type[Step]) -> str:
    fields = table(HEAD, (row.cells() for row in rows(step, without=frozenset({"op"}))))
    examples = [_example(name, example) for example in step.examples]
    return "\n\n".join((f"## {name}", _doc(step), _LEAVES[step.kind], fields, *examples))


def _doc(step: type[Step]) -> str:
    return inspect.getdoc(step) or ""


def _first(step: type[Step]) -> str:
    return _doc(step).split("\n\n", maxsplit=1)[0].replace("\n", " ")


def _example(name: str, example: Example) -> str:
    step = json.dumps({"op": name, **example.parameters}, ensure_ascii=False)
    return "\n\n".join(
        (
            f"**{example.title[0].upper()}{example.title[1:]}**",
            code("json", step),
            code("sh", _curl(name, example.parameters)),
        )
    )


def _curl(name: str, parameters: Mapping[str, Any]) -> str:
    """Write the short form: the picture and each parameter as fields of one form."""
    fields = [shlex.quote(f"{key}={_text(value)}") for key, value in parameters.items()]
    form = " ".join(f"-F {field}" for field in ("file=@photo.jpg", *fields))
    return f'curl -H "X-API-Key: $KEY" {form} \\\n  http://127.0.0.1:8000/api/v1/{name}'


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
