"""What the headers of the tus protocol say, version 1.0: https://tus.io/protocols/resumable-upload.

Everything here is values in, values out; the routes do the rest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from imagemill.errors import (
    ChecksumMismatch,
    FieldError,
    InvalidRequest,
    MalformedBody,
    TooLarge,
    UnsupportedBody,
    UnsupportedVersion,
)

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,termination,expiration,checksum"
ALGORITHMS: Final = ("sha1", "sha256")
BODY: Final = "application/offset+octet-stream"
IMAGE: Final = "imagemill-image-id"
"""Header that tells the image of an upload that is complete."""
_NOT_HERE: Final = ("Upload-Defer-Length", "Upload-Concat")
"""What other servers offer and this one does not: refused, since ignoring it would do harm."""
_MOST_METADATA: Final = 4096
_MOST_PAIRS: Final = 32
_LONGEST_KEY: Final = 100
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Creation:
    """What a request for a new upload announces."""

    size_bytes: int
    metadata: str | None
    """`Upload-Metadata` as it was sent, and sound."""
    name: str | None
    content_type: str | None
    """What the sender takes the file for; the picture's own bytes decide."""


def require_version(headers: Mapping[str, str]) -> None:
    """Raise `UnsupportedVersion` unless a request speaks the version that is spoken here."""
    if headers.get("tus-resumable") != VERSION:
        raise UnsupportedVersion(f"Send the header Tus-Resumable: {VERSION}.")


def creation_of(headers: Mapping[str, str], max_bytes: int) -> Creation:
    """Read what a new upload is; raises `InvalidRequest` and `TooLarge`."""
    wrong = [FieldError(each, "is not offered.") for each in _NOT_HERE if each.lower() in headers]
    if wrong:
        raise InvalidRequest("The request asks for more than is offered.", errors=wrong)
    size = _number(headers, "Upload-Length")
    if size > max_bytes:
        raise TooLarge(
            f"The picture has {size} bytes and may have {max_bytes}; send a smaller file.",
            limit={"limit_bytes": max_bytes},
        )
    if not size:
        raise _invalid("Upload-Length", "is 0; a picture has bytes.")
    metadata = headers.get("upload-metadata") or None
    told = described(metadata or "")
    return Creation(size, metadata, _short(told.get("filename")), _short(told.get("filetype")))


def offset_of(headers: Mapping[str, str]) -> int:
    """Read where a chunk begins; raises `InvalidRequest`."""
    return _number(headers, "Upload-Offset")


def require_body(headers: Mapping[str, str]) -> None:
    """Raise `UnsupportedBody` unless a body is bytes of an upload."""
    if not has_body(headers):
        raise UnsupportedBody(f"Send the bytes as Content-Type: {BODY}.")


def has_body(headers: Mapping[str, str]) -> bool:
    """Tell whether a request carries bytes of an upload."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == BODY


def require_room(headers: Mapping[str, str], room: int) -> None:
    """Raise `TooLarge` for a body that says it is longer than what is left of the upload."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and len(announced) < _MOST_DIGITS and int(announced) > room:
        raise beyond(room)


def beyond(room: int) -> TooLarge:
    """Make the refusal of bytes beyond the announced length."""
    return TooLarge(
        f"The body goes on beyond the Upload-Length; {room} bytes are left of it.",
        limit={"limit_bytes": room},
    )


class Checksum:
    """A digest that was sent with a chunk, and the bytes that came under it."""

    def __init__(self, header: str) -> None:
        """Read `Upload-Checksum`; raises `MalformedBody` for what cannot be checked."""
        algorithm, _, text = header.partition(" ")
        wanted = _decoded(text)
        if algorithm not in ALGORITHMS or not wanted:
            raise MalformedBody(
                f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, a space and the digest as "
                "Base64."
            )
        self._wanted = wanted
        self._seen = hashlib.new(algorithm, usedforsecurity=False)

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._seen.update(piece)

    def require(self) -> None:
        """Raise `ChecksumMismatch` unless the bytes are those that were meant."""
        if self._seen.digest() != self._wanted:
            raise ChecksumMismatch(
                "The bytes are not those of Upload-Checksum, and none of them is kept; send them "
                "again."
            )


def described(metadata: str) -> dict[str, str]:
    """Read `Upload-Metadata`: names and texts, without what is no text.

    Raises `InvalidRequest` for a header that is too long, has too many pairs, a name twice or a
    value that is not Base64.
    """
    if len(metadata) > _MOST_METADATA:
        raise _invalid("Upload-Metadata", f"is over {_MOST_METADATA} characters.")
    pairs = [each.strip().partition(" ") for each in metadata.split(",")] if metadata else []
    names = [name for name, _, _ in pairs]
    if len(pairs) > _MOST_PAIRS or len(set(names)) < len(names) or not all(map(_is_name, names)):
        problem = f"is up to {_MOST_PAIRS} pairs with names of their own, in visible ASCII."
        raise _invalid("Upload-Metadata", problem)
    values = {name: _decoded(value) for name, _, value in pairs}
    if None in values.values():
        raise _invalid("Upload-Metadata", "has a value that is not Base64.")
    texts = {name: _text(value or b"") for name, value in values.items()}
    return {name: text for name, text in texts.items() if text is not None}


def date_of(at: float) -> str:
    """Write a time as `Upload-Expires` has it."""
    return formatdate(at, usegmt=True)


def _number(headers: Mapping[str, str], name: str) -> int:
    given = headers.get(name.lower(), "")
    if not given.isascii() or not given.isdigit() or len(given) > _MOST_DIGITS:
        raise _invalid(name, "is to be a number of bytes, 0 or more.")
    return int(given)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_KEY and name.isascii() and name.isprintable()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _short(text: str | None) -> str | None:
    return (text or "")[-255:] or None


def _invalid(name: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {problem}", errors=[FieldError(name, problem)])
