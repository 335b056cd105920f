"""An API key as it is kept: whose it is, and what is set for the jobs that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.identity import Identity
from imagemill.web.reading import model_of

KEY_ID_LENGTH = 16
"""Hexadecimal digits of a key's digest that name it: 64 bits, of 256 random ones."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an account."""

    sha256: str
    account: str
    name: str
    scopes: frozenset[str]
    created_at: float
    """Seconds since 1970."""
    max_retries: int | None
    """Tries after the first for jobs that it makes; None where the jobs service decides."""
    timeout_s: float | None
    """Seconds for one attempt at such a job; None where the jobs service decides."""

    @property
    def key_id(self) -> str:
        """Name it without telling it."""
        return self.sha256[:KEY_ID_LENGTH]

    @property
    def identity(self) -> Identity:
        """What every service may know of who shows the key."""
        return Identity(
            account=self.account,
            scopes=self.scopes,
            key_id=self.key_id,
            max_retries=self.max_retries,
            timeout_s=self.timeout_s,
        )


class KeyChange(BaseModel):
    """What shall be set for a key; what is left out stays, null resets to the server's setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_retries: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=20,
        description="Tries after the first, when the error is one that may pass.",
        examples=[2],
    )
    timeout_s: float | None = Field(
        default=None,
        strict=True,
        allow_inf_nan=False,
        ge=1,
        le=3600,
        description="Seconds of work after which an attempt is killed.",
        examples=[30],
    )


def change_of(value: Mapping[str, Any]) -> KeyChange:
    """Read a change from a JSON object; raises `InvalidRequest` naming all that is wrong."""
    return model_of(KeyChange, value, "The key cannot be set so.")


def changed(key: Key, change: KeyChange) -> Key:
    """Set what the change names, and nothing else."""
    return replace(key, **change.model_dump(exclude_unset=True))
