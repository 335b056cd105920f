"""What an object store says when it refuses, in words of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from imagemill.errors import ImagemillError, NotFound, Unavailable

_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})
_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_ROLES: Final = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
"""Where machines of the vendors are asked for the role that they have."""
_LATER_S: Final = 10
_ERRORS: Final = (BaseError, FileNotFoundError, ConnectionError, TimeoutError)


class Refusal(Enum):
    """Why an object store did not do what it was asked."""

    GONE = auto()
    NO_BUCKET = auto()
    CLOCK = auto()
    DENIED = auto()
    KEYLESS = auto()
    """No key is set, and the machine was asked in vain for a role that gives one."""
    BEYOND = auto()
    """A range that begins where the object has ended."""
    WRONG = auto()
    """Another request that it will never take, as of a bucket in another region."""
    ILL = auto()
    """It does not answer, or not well."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of obstore that leave the block into ours.

    Only words of ours go on, and the code that the store names: addresses stay in the cause.
    """
    try:
        yield
    except _ERRORS as error:
        raise of(error) from error


def of(error: Exception) -> ImagemillError:
    """Decide what an error of obstore means to who asked for an object."""
    kind = kind_of(error)
    if kind is Refusal.GONE:
        return NotFound("The stored object is gone.")
    return Unavailable(said(kind, code_of(error)), retry_after_s=_LATER_S)


def kind_of(error: Exception) -> Refusal:
    """Sort an error of obstore by what its text says, for its classes are too few."""
    code, status = code_of(error), _STATUS.search(str(error))
    if code in _NO_BUCKET:
        return Refusal.NO_BUCKET
    if code in _CLOCK:
        return Refusal.CLOCK
    if any(each in str(error) for each in _ROLES):
        return Refusal.KEYLESS
    if isinstance(error, FileNotFoundError):
        return Refusal.GONE
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return Refusal.DENIED
    return _by_status(int(status[1]) if status else 0)


def said(kind: Refusal, code: str) -> str:
    """Say to people what a refusal means, with the store's own code where it names one."""
    named = f" ({code})" if code else ""
    if kind is Refusal.NO_BUCKET:
        return f"The object store has no such bucket or container{named}."
    if kind is Refusal.CLOCK:
        return (
            f"The object store refuses what is signed at the wrong time{named}: the clock of this "
            "machine is wrong."
        )
    if kind is Refusal.DENIED:
        return f"The object store refuses our credentials, or what they may do{named}."
    if kind is Refusal.KEYLESS:
        return (
            "No key to the object store is set (IMAGEMILL_STORAGE_ACCESS_KEY and its secret), and "
            "this machine has no role that gives one."
        )
    return f"The object store does not answer as it should{named}; try again later."


def code_of(error: Exception) -> str:
    """Read the store's own code out of what obstore says; empty where it names none."""
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _by_status(status: int) -> Refusal:
    if status == 416:
        return Refusal.BEYOND
    if 300 <= status < 500 and status not in {408, 429}:
        return Refusal.WRONG
    return Refusal.ILL
