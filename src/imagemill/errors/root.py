"""What every error carries, and the two kinds: the caller must change something, or we must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that cannot be accepted, and why."""

    field: str
    """Path to the field in the caller's words, such as `outputs.small.0.width`."""
    problem: str
    """What is wrong with it and what would be right, as a sentence for people."""


class ImagemillError(Exception):
    """Carry a stable code, a message for people, and the limit that was broken.

    Classes fix the answer; instances carry what happened. Nothing private (addresses, keys, paths)
    may stand in `message` or `limit`, for both reach the caller.
    """

    code: ClassVar[str] = "internal"
    """Stable name that programs may branch on; documented on one page each."""
    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry: ClassVar[bool] = False
    """Whether the same work, tried again unchanged, may succeed."""
    alarm: ClassVar[bool] = False
    """Whether an operator should look at it."""

    def __init__(
        self,
        message: str,
        *,
        limit: Mapping[str, Scalar] | None = None,
        errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
    ) -> None:
        """Say what happened, what the limit is, and what to do, in one or two sentences."""
        super().__init__(message)
        self.message = message
        self.limit: dict[str, Scalar] = dict(limit or {})
        """Names and values of the limit that was broken, such as `{"limit_px": 10000}`."""
        self.errors = tuple(errors)
        self.output: str | None = None
        """Name of the output that failed; set by the engine, None where all of them did."""
        self.retry_after_s = retry_after_s


class Refused(ImagemillError):
    """Say that the caller must change the request."""

    code = "refused"
    status: ClassVar[int] = HTTPStatus.BAD_REQUEST


class Failed(ImagemillError):
    """Say that something on this side went wrong."""

    code = "failed"
    retry = True
