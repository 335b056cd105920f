"""The layers that lock a child in, and which of them are in force here."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class State(StrEnum):
    """Say whether a layer holds."""

    ON = "on"
    OFF = "off"
    NOT_NEEDED = "not needed"


class Layer(BaseModel):
    """One layer of the sandbox as the kernel took it, told by a locked child about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """`limits`, `no_new_privileges`, `landlock`, `seccomp` or `nobody`."""
    state: State
    note: str = ""
    """What it is made of, or why it is not in force, for people."""


def missing(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Pick the layers that should hold and do not."""
    return tuple(layer for layer in layers if layer.state is State.OFF)
