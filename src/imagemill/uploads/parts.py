"""The parts of a multipart form (RFC 7578), as the push parser hands them over."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import TYPE_CHECKING, Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagemill.errors import FieldError, InvalidRequest, MalformedBody, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE: Final = "file"
"""Name of the field that is a picture."""
_MOST_FIELDS = 64
_MOST_FIELD_BYTES = 1_000_000
"""Bytes of all fields together, apart from pictures: they are held in memory."""


class Parser:
    """A parser of one form that answers with our own errors."""

    def __init__(self, boundary: bytes, callbacks: MultipartCallbacks) -> None:
        """Parse what stands between boundaries; raises `MalformedBody` for one too long."""
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise MalformedBody("The boundary of the multipart body is too long.") from error

    def write(self, chunk: bytes) -> None:
        """Call back for all that stands in a chunk; raises `MalformedBody`."""
        _fed(lambda: self._parser.write(chunk))

    def finish(self, part: Part) -> None:
        """Raise `MalformedBody` unless the form has come to its end."""
        _fed(self._parser.finalize)
        if part.is_open:
            raise MalformedBody("The multipart body ends before its closing boundary.")


def boundary_of(content_type: str) -> bytes | None:
    """Read a form's boundary; None for what is no form; raises `MalformedBody` without one."""
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        return None
    if not options.get(b"boundary"):
        raise MalformedBody("The multipart body names no boundary in its Content-Type.")
    return options[b"boundary"]


class Fields:
    """The fields beside the pictures: text, few, and each given once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._raw: dict[str, bytearray] = {}
        self._bytes = 0

    def begin(self, name: str) -> None:
        """Make room for a field; raises `InvalidRequest` for a second one, or one too many."""
        if name in self._raw:
            raise twice(name)
        self._raw[name] = bytearray()
        if len(self._raw) > _MOST_FIELDS:
            limit = {"limit_fields": _MOST_FIELDS}
            raise InvalidRequest(f"The form has over {_MOST_FIELDS} fields.", limit=limit)

    def add(self, name: str, data: bytes) -> None:
        """Take a piece of a field; raises `InvalidRequest` when all together are too long."""
        self._raw[name] += data
        self._bytes += len(data)
        if self._bytes > _MOST_FIELD_BYTES:
            limit = {"limit_bytes": _MOST_FIELD_BYTES}
            message = f"The form's fields beside the picture are over {_MOST_FIELD_BYTES} bytes."
            raise InvalidRequest(message, limit=limit)

    def texts(self) -> dict[str, str]:
        """Read all fields by name; raises `InvalidRequest` for one that is not UTF-8."""
        return {name: _text(name, raw) for name, raw in self._raw.items()}


class Counter:
    """Counts the bytes of one picture."""

    def __init__(self, most: int) -> None:
        """Allow so many bytes."""
        self._most = most
        self.total = 0

    def add(self, size: int) -> None:
        """Count a piece; raises `TooLarge` when there are too many bytes."""
        self.total += size
        if self.total > self._most:
            raise TooLarge(
                f"The picture has over {self._most} bytes; send a smaller file.",
                limit={"limit_bytes": self._most},
            )


class Part:
    """The headers of the part that is being read, by the parser's callbacks."""

    def __init__(self) -> None:
        """Begin before the first part."""
        self.name = ""
        self.is_open = True
        self._headers = Message()
        self._name = bytearray()
        self._value = bytearray()

    def begin(self) -> None:
        """Forget the part before."""
        self._headers = Message()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's name."""
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value."""
        self._value += data[start:end]

    def header_end(self) -> None:
        """Keep the header whose pieces were taken."""
        name = self._name.decode("latin-1").lower()
        # The library reads options as Latin-1; `_option` turns them into what senders mean.
        self._headers[name] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def end(self) -> None:
        """Note that the closing boundary was read."""
        self.is_open = False

    def field_name(self) -> str:
        """Read the name of the form's field; raises `MalformedBody` where there is none."""
        self.name = self._option(b"name") or ""
        if not self.name:
            raise MalformedBody("A part of the multipart body has no name.")
        return self.name

    def file_name(self) -> str | None:
        """Read what the sender calls the file; its last 255 characters."""
        return (self._option(b"filename") or "")[-255:] or None

    def _option(self, name: bytes) -> str | None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        value = options.get(name)
        return value.decode("utf-8", "replace") if value is not None else None


def twice(name: str) -> InvalidRequest:
    """Make the refusal of a field that stands twice."""
    problem = FieldError(name, "is given more than once; give it once.")
    return InvalidRequest("A form field stands twice.", errors=[problem])


def no_picture() -> InvalidRequest:
    """Make the refusal of a form without a picture."""
    problem = FieldError(FILE, "is missing; send the picture as this field.")
    return InvalidRequest("The form carries no picture.", errors=[problem])


def _fed(work: Callable[[], Any]) -> None:
    try:
        work()
    except FormParserError as error:
        raise MalformedBody("The multipart body breaks the rules of RFC 7578.") from error


def _text(name: str, raw: bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        problem = FieldError(name, "is not UTF-8 text.")
        raise InvalidRequest("A form field is not text.", errors=[problem]) from error
