"""What can be done to a picture: one file for each operation, found by looking in this folder.

An operation's file defines one `Step`: its bounded parameters as fields, the size it will make
(`frame`), what it does (`apply`, `encode` or `describe`) and examples that the tests run. API,
command line, console form, reference page and tests are made from that class, so that adding an
operation is adding one file. Steps never import each other, nor pyvips: the picture comes as an
argument.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

if TYPE_CHECKING:
    from imagemill.contracts.facts import Format
    from imagemill.engine.picture import Picture


class Kind(StrEnum):
    """Say what a step leaves behind."""

    PIXELS = "pixels"
    """A picture that the next step takes."""
    ENCODING = "encoding"
    """The bytes of a file; ends a pipeline."""
    DATA = "data"
    """A JSON document about the picture; ends a pipeline."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known beforehand of the picture between two steps."""

    width: int
    """Pixels across."""
    height: int
    """Pixels down, of one frame."""
    format: Format
    """Format of the original; `convert` with no format follows it."""
    has_alpha: bool
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a step first scales the picture that it is given."""

    width: int
    """Pixels across that it makes."""
    height: int
    """Pixels down that it makes."""
    fast: bool = False
    """Whether the decoder may do all of the work where it can, for less of it and less quality."""


@dataclass(frozen=True, slots=True)
class Example:
    """A set of parameters that the tests run and the reference page shows."""

    title: str
    """What a reader gets from it, as a short phrase."""
    parameters: Mapping[str, Any]
    """The step without `op`."""


class Step(BaseModel):
    """One operation with its parameters; subclasses are the operations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: str
    kind: ClassVar[Kind] = Kind.PIXELS
    examples: ClassVar[Sequence[Example]] = ()

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_for_a_number(cls, value: object, field: ValidationInfo) -> object:
        """Refuse true and false where a number is meant; pydantic would take them for 1 and 0."""
        if isinstance(value, bool) and field.field_name in _numbers(cls):
            raise ValueError("is a number, not true or false")
        return value

    @property
    def images(self) -> tuple[str, ...]:
        """Ids of further images that the step needs, such as a watermark's."""
        return ()

    @property
    def origin(self) -> str | None:
        """URL of a further image that the step needs and that is fetched first; None for none."""
        return None

    def on_image(self, image_id: str) -> Self:
        """Give the same step with its further image by this id."""
        return self

    def frame(self, before: Frame) -> Frame | None:
        """Predict the picture after this step; None where only the pixels can decide."""
        return before

    def scaled(self, before: Frame) -> Scaling | None:
        """Tell how the step first scales the picture, if it does.

        When it stands first in a pipeline, the original is decoded no larger than this needs. The
        step must then take the picture with `Picture.resized` to exactly this size, before it
        looks at any frame.
        """
        return None

    @property
    def streams(self) -> bool:
        """Whether it reads every pixel once, from top to bottom; else they are held in memory."""
        return False

    def moves(self, before: Frame) -> bool:
        """Tell whether all frames of an animation are kept; only `encoding` steps can."""
        return False

    @property
    def in_profile(self) -> bool:
        """Whether the pipeline works in the colours of the embedded profile, not in sRGB."""
        return False

    def apply(self, picture: Picture) -> Picture:
        """Do it to the pixels; only steps of kind `pixels` have it."""
        raise TypeError(f"{self.op} does not make a picture of {picture}")

    def encode(self, picture: Picture, target: int) -> Format:
        """Write the file to the open descriptor and name its format; only `encoding` steps."""
        raise TypeError(f"{self.op} does not write {picture} to {target}")

    def describe(self, picture: Picture) -> dict[str, Any]:
        """Answer what is asked of the picture as JSON values; only steps of kind `data`."""
        raise TypeError(f"{self.op} does not describe {picture}")


@cache
def _numbers(step: type[Step]) -> frozenset[str]:
    """Name the fields that take a number."""
    return frozenset(
        name
        for name, field in step.model_fields.items()
        if {int, float} & {field.annotation, *get_args(field.annotation)}
    )


@cache
def operations() -> Mapping[str, type[Step]]:
    """Find every operation in this folder, by name, in alphabetical order."""
    found: dict[str, type[Step]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        steps = [
            each
            for each in vars(loaded).values()
            if isinstance(each, type)
            and issubclass(each, Step)
            and each.__module__ == loaded.__name__
        ]
        found |= {step.model_fields["op"].default: step for step in steps}
    return found
