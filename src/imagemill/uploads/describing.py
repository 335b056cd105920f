"""What owners say of their images: tags, metadata of their own, a name, and who may see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from imagemill.errors import FieldError, InvalidRequest
from imagemill.web.reading import model_of, value_of

MOST: Final = 50
"""Tags, and keys of metadata, of one image."""


def _shown(text: str) -> str:
    if not text.isprintable():
        message = "must not hold control characters."
        raise ValueError(message)
    return text


def _tag(text: str) -> str:
    return _shown(text.strip().lower())


def _each_once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_tag),
]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Value = Annotated[str, StringConstraints(max_length=500), AfterValidator(_shown)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_shown),
]
_Tags = Annotated[list[Tag], Field(max_length=MOST), AfterValidator(_each_once)]


class Changes(BaseModel):
    """What is to be changed of an image's description; what is not named stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: _Tags | None = Field(
        None,
        description="All its tags, in the place of those it has; kept in small letters.",
        examples=[["holiday", "sea"]],
    )
    metadata: Annotated[dict[Key, Value | None], Field(max_length=MOST)] | None = Field(
        None,
        description="Keys of your own to set; null removes one, and the others stay.",
        examples=[{"project": "atlas"}],
    )
    public: bool | None = Field(
        None, description="Whether anybody may see the original at its `public_url`."
    )
    name: Name | None = Field(None, description="What the file is called.")

    @classmethod
    def of_fields(cls, fields: Mapping[str, str]) -> Self:
        """Read the fields of an upload's form that describe its picture.

        `tags` is a JSON list or words with commas between them, `metadata` a JSON object. Raises
        `InvalidRequest` naming each field that is unknown or wrong.
        """
        unknown = [
            FieldError(each, "is not a field of this form.") for each in fields.keys() - _OF_A_FORM
        ]
        if unknown:
            raise InvalidRequest("The form has fields that are not known.", errors=unknown)
        given: dict[str, Any] = {name: _read(name, text) for name, text in fields.items()}
        return model_of(cls, given, "The form describes its picture in a way that cannot be.")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return self == type(self)()


_OF_A_FORM: Final = frozenset({"tags", "metadata"})


def changed(now: Mapping[str, str], wanted: Mapping[str, str | None]) -> dict[str, str]:
    """Set and remove keys of metadata; raises `InvalidRequest` when there would be too many."""
    merged = {**now, **wanted}
    kept = {key: value for key, value in merged.items() if value is not None}
    if len(kept) > MOST:
        problem = FieldError("metadata", f"would have {len(kept)} keys; {MOST} are the most.")
        raise InvalidRequest(
            "The image would have too much metadata.", errors=[problem], limit={"limit_keys": MOST}
        )
    return kept


def tagged(tags: Iterable[str]) -> tuple[str, ...]:
    """Join tags, each once; raises `InvalidRequest` when there would be too many."""
    joined = tuple(dict.fromkeys(tags))
    if len(joined) > MOST:
        problem = FieldError("tags", f"would be {len(joined)}; {MOST} are the most.")
        raise InvalidRequest(
            "The image would have too many tags.", errors=[problem], limit={"limit_tags": MOST}
        )
    return joined


def _read(name: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    if name == "tags" and not text.lstrip().startswith("["):
        return [each for each in text.split(",") if each.strip()]
    try:
        return value_of(text)
    except ValueError as error:
        problem = FieldError(name, "is not JSON.")
        raise InvalidRequest("A form field cannot be read.", errors=[problem]) from error


def written(value: object) -> str:
    """Write tags or metadata for a row."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
