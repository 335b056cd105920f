"""Read a child's answer as what it is: the word of a program that a picture may have taken over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from imagemill.contracts.facts import Facts
from imagemill.engine.orders import Answer
from imagemill.engine.rendering import settled
from imagemill.errors import (
    DecoderCrashed,
    Failed,
    ImagemillError,
    Internal,
    InvalidRequest,
    PictureRefused,
    by_code,
)

_TOLD = (PictureRefused, Failed, InvalidRequest)
"""The answers that a child can have reason for; another one, as `forbidden`, is not its to give."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a probe tells of a picture."""

    facts: Facts
    text: str
    """What its file says in words, one text a line: the word of a stranger, shown to nobody."""


def believed(said: bytes, files: Mapping[str, int]) -> Answer:
    """Read an answer and freeze the outputs it speaks of.

    Raises `DecoderCrashed` where it cannot be true; such a child must not serve again.
    """
    try:
        answer = Answer.model_validate_json(said)
    except ValidationError:
        raise nonsense() from None
    if answer.error is None and not settled(answer, files):
        raise nonsense()
    return answer


def finished(answer: Answer) -> Answer:
    """Give the answer back; raises the error that it carries instead."""
    if answer.error is not None:
        raise _told(answer)
    return answer


def seen(answer: Answer) -> Seen:
    """Give what a probe saw; raises the error that came instead."""
    found = finished(answer)
    if found.facts is None:
        raise nonsense()
    return Seen(found.facts, found.text)


def nonsense() -> DecoderCrashed:
    """Say that a child's word cannot be true."""
    return DecoderCrashed("The decoder gave an answer that cannot be right; it was stopped.")


def _told(answer: Answer) -> ImagemillError:
    kind = by_code(answer.error or "")
    if not issubclass(kind, _TOLD):
        kind = Internal
    error = kind(answer.message, limit=answer.limit)
    error.output = answer.output
    return error
