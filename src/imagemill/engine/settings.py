"""How the sandbox is sized, and how much of it the kernel must provide."""

from __future__ import annotations

import os
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from imagemill.engine.lock import Bounds

_ORDERS_OF_FULL_TIME = 10
"""Orders that may use up their whole processor time in one child's life."""


class Mode(StrEnum):
    """Say what happens when the kernel lacks a layer of the sandbox."""

    AUTO = "auto"
    """Start without it and show that it is missing."""
    REQUIRED = "required"
    """Refuse to start and name it."""


class Reuse(StrEnum):
    """Say whose orders one child may serve."""

    OWNER = "owner"
    """Orders of one owner only; a child never sees the pictures of two."""
    NEVER = "never"
    """A single order."""


class SandboxSettings(BaseModel):
    """Size the sandbox; every limit is one child's unless its sentence says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = Field(
        Mode.AUTO,
        description="Whether a layer that the kernel lacks is reported (`auto`) or refused at "
        "start (`required`).",
    )
    reuse: Reuse = Field(
        Reuse.OWNER,
        description="Whether a child serves further orders of its first owner (`owner`) or a "
        "single order (`never`).",
    )
    children: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=64,
        description="Children at work at the same time; by default one for each processor.",
    )
    kept_children: int = Field(
        4,
        ge=0,
        le=256,
        description="Idle children that wait for another order of their owner; more of them make "
        "changing owners cheaper and hold 20 to 60 MB each.",
    )
    spare_children: int = Field(
        1,
        ge=0,
        le=16,
        description="Children forked and locked ahead for owners that have none.",
    )
    orders_per_child: int = Field(
        200, ge=1, le=100_000, description="Orders after which a child is replaced."
    )
    memory_mb: int = Field(
        1536,
        ge=256,
        le=65_536,
        description="Address space in MB, of which about 300 are taken before the first picture.",
    )
    cpu_s: int = Field(
        60, ge=1, le=3600, description="Processor seconds that one order may take, all threads."
    )
    max_output_bytes: int = Field(
        256_000_000, ge=1_000, description="Largest single output in bytes."
    )
    start_s: float = Field(
        20.0, ge=1, le=300, description="Seconds that the sandbox may take to start."
    )

    @property
    def bounds(self) -> Bounds:
        """Say what one child may take of the machine."""
        return Bounds(
            memory_bytes=self.memory_mb << 20,
            cpu_s=self.cpu_s,
            life_cpu_s=self.cpu_s * _ORDERS_OF_FULL_TIME,
            file_bytes=self.max_output_bytes,
        )
