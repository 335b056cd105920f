"""What the options of `process` and `submit` ask for, as the steps that the API takes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagemill.errors import FieldError, InvalidRequest
from imagemill.operations import operations

StepJSON = dict[str, Any]
Outputs = dict[str, list[StepJSON]]

ONLY = "result"
"""Name of the output when there is just one and nobody named it."""

_SIZE = re.compile(r"(\d*)x(\d*)", re.ASCII)
_AREA = re.compile(r"(\d+)x(\d+)(?:\+(\d+)\+(\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options that say what to do; all of them empty means: write it again, clean."""

    crop: str | None = None
    rotate: float | None = None
    resize: str | None = None
    fit: str | None = None
    steps: Sequence[str] = ()
    format: str | None = None
    quality: int | None = None
    pipeline: Path | None = None


def outputs_of(wishes: Wishes) -> Outputs:
    """Read the options as named pipelines.

    The short options make one pipeline: crop, rotate, resize, the steps in their order, encoding.
    A pipeline file stands alone. Raises `InvalidRequest` naming the option that is wrong.
    """
    steps = _short(wishes)
    if wishes.pipeline is None:
        return {ONLY: steps}
    if steps:
        raise _wrong("--pipeline", "stands alone; write the other steps into the file.")
    return _from_file(wishes.pipeline)


def resize_step(size: str, fit: str | None = None) -> StepJSON:
    """Read `400x300`, `400x` (width alone) or `x300` (height alone)."""
    found = _SIZE.fullmatch(size)
    sides = {"width": found[1], "height": found[2]} if found else {}
    given = {side: int(pixels) for side, pixels in sides.items() if pixels}
    if not given:
        raise _wrong("--resize", f"{size!r} is not a size; write 400x300, 400x or x300.")
    return {"op": "resize", **given, **({"fit": fit} if fit else {})}


def crop_step(area: str) -> StepJSON:
    """Read `400x300+10+20`: width, height, then the distance from the left and from the top."""
    found = _AREA.fullmatch(area)
    if not found:
        raise _wrong("--crop", f"{area!r} is not an area; write 400x300 or 400x300+10+20.")
    sides = {"width": int(found[1]), "height": int(found[2])}
    corner = {"left": int(found[3]), "top": int(found[4])} if found[3] else {}
    return {"op": "crop", **sides, **corner}


def free_step(text: str) -> StepJSON:
    """Read `blur sigma=2`: the operation, then its parameters; values are JSON or plain words."""
    name, *parameters = _words(text)
    pairs = [parameter.partition("=") for parameter in parameters]
    if any(not key or not equals for key, equals, _ in pairs):
        raise _wrong("--step", f"{text!r} is not a step; write it like 'blur sigma=2'.")
    return {"op": name, **{key: _value(name, key, value) for key, _, value in pairs}}


def _short(wishes: Wishes) -> list[StepJSON]:
    if wishes.fit and not wishes.resize:
        raise _wrong("--fit", "says how to resize; give --resize too.")
    encoding = {"format": wishes.format, "quality": wishes.quality}
    given = {name: value for name, value in encoding.items() if value is not None}
    return [
        *([crop_step(wishes.crop)] if wishes.crop else ()),
        *([{"op": "rotate", "angle": wishes.rotate}] if wishes.rotate is not None else ()),
        *([resize_step(wishes.resize, wishes.fit)] if wishes.resize else ()),
        *(free_step(each) for each in wishes.steps),
        *([{"op": "convert", **given}] if given else ()),
    ]


def _from_file(path: Path) -> Outputs:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _wrong("--pipeline", f"{path} is not JSON: {error}.") from error
    if isinstance(found, list):
        return {ONLY: found}
    outputs = found.get("outputs", found) if isinstance(found, dict) else None
    if not isinstance(outputs, dict) or not outputs or not _are_lists(outputs.values()):
        raise _wrong("--pipeline", f"{path} holds neither a list of steps nor named lists.")
    return outputs


def _are_lists(values: Iterable[object]) -> bool:
    return all(isinstance(each, list) for each in values)


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _wrong("--step", f"{text!r} cannot be read: {error}.") from error
    if not words:
        raise _wrong("--step", "is empty; write it like 'blur sigma=2'.")
    return words


def _value(operation: str, parameter: str, text: str) -> object:
    if _is_text(operation, parameter):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_text(operation: str, parameter: str) -> bool:
    # `text=2026` is a year to stamp on a picture, not a number.
    step = operations().get(operation)
    about = step.model_json_schema()["properties"].get(parameter, {}) if step else {}
    kinds = {each.get("type") for each in about.get("anyOf", [about])}
    return kinds <= {"string", "null"}


def _wrong(option: str, problem: str) -> InvalidRequest:
    return InvalidRequest("An option cannot be taken.", errors=[FieldError(option, problem)])
