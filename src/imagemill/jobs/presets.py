"""A preset: a pipeline with a name, kept in numbered versions that never change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from imagemill.errors import FieldError, InvalidRequest, TooMany
from imagemill.pipeline import field_errors, normal, parse

LARGEST_VERSION: Final = 1_000_000_000
"""A number that no preset reaches and every database can hold."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_EXAMPLE: Final = [{"op": "resize", "width": 400}, {"op": "convert", "format": "webp"}]


class PresetUse(BaseModel):
    """A preset in the place of an output's steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = Field(max_length=64, description="Name of the preset.", examples=["card"])
    version: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=LARGEST_VERSION,
        description="One of its versions; the newest when left out.",
    )


class PresetRequest(BaseModel):
    """A preset to make, or to make the next version of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="1 to 64 small letters, digits, `-` and `_`; the first a letter or a digit.",
        examples=["card"],
    )
    steps: list[dict[str, Any]] = Field(
        description="The pipeline, as a job's output has it.", examples=[_EXAMPLE]
    )
    description: str | None = Field(
        default=None,
        max_length=500,
        description="What it is for; as it was when left out.",
        examples=["The picture beside a product in a list."],
    )

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not is_name(name):
            raise ValueError("is no name; use 1 to 64 of `a-z`, `0-9`, `-` and `_`")
        return name


@dataclass(frozen=True, slots=True)
class Draft:
    """A preset as somebody wants it kept."""

    name: str
    steps: list[dict[str, Any]]
    """The pipeline in its normal form."""
    description: str | None
    """None leaves what was said before."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One version of a preset."""

    name: str
    version: int
    """From 1; a name that was removed and is made again goes on counting."""
    steps: list[dict[str, Any]]
    """The pipeline in its normal form, as it was when the version was made."""
    description: str
    """What the preset is for, the same for all of its versions; empty when nobody said."""
    created_at: float
    """When this version was made, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept."""

    presets: int = 1_000
    """Presets of one owner."""
    versions: int = 1_000
    """Versions of one preset."""


def is_name(text: str) -> bool:
    """Tell whether a preset can be called so."""
    return _NAME.fullmatch(text) is not None


def draft_of(value: Mapping[str, Any]) -> Draft:
    """Read a preset from a JSON object; raises `InvalidRequest` naming all that is wrong."""
    errors: list[FieldError] = []
    request: PresetRequest | None = None
    try:
        request = PresetRequest.model_validate(value)
    except ValidationError as error:
        errors.extend(field_errors(error))
    steps = value.get("steps")
    written: list[dict[str, Any]] = []
    if isinstance(steps, list) and all(isinstance(each, dict) for each in steps):
        try:
            written = normal(parse(steps, at="steps"))
        except InvalidRequest as wrong:
            errors.extend(wrong.errors)
    if request is None or errors:
        raise InvalidRequest("The preset cannot be kept so.", errors=errors)
    return Draft(name=request.name, steps=written, description=request.description)


def refuse_one_more(bounds: Bounds, *, presets: int, versions: int) -> None:
    """Refuse to keep another version; raises `TooMany` naming the limit.

    `presets` counts the owner's presets besides this one, `versions` those kept of this one.
    """
    if presets >= bounds.presets:
        raise TooMany(
            f"You keep {presets} presets, and {bounds.presets} is the most; remove one first.",
            limit={"limit_presets": bounds.presets},
        )
    if versions >= bounds.versions:
        raise TooMany(
            f"The preset has {versions} versions, and {bounds.versions} is the most; remove it "
            "and make it again, or use another name.",
            limit={"limit_versions": bounds.versions},
        )
