"""A picture in a request body, read as it arrives: a multipart form, or the bytes themselves."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from email.message import Message
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagemill.errors import FieldError, InvalidRequest, MalformedBody, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MOST_FIELDS = 64
_MOST_FIELD_BYTES = 1_000_000
"""Bytes of all fields together, apart from the picture: they are held in memory."""
_FILE = "file"


class Body(Protocol):
    """A request body in which a picture lies."""

    fields: dict[str, str]
    """The other fields, complete when the pieces are at their end."""
    file_name: str | None
    """What the sender calls the picture, if it does."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the picture's bytes as they arrive; raises refusals of the body."""
        ...


def body_of(content: AsyncIterable[bytes], content_type: str, max_bytes: int) -> Body:
    """Choose how to read a body by its `Content-Type`; the picture has `max_bytes` at most."""
    media_type, options = parse_options_header(content_type)
    if media_type == b"multipart/form-data":
        if not options.get(b"boundary"):
            raise MalformedBody("The multipart body names no boundary in its Content-Type.")
        return FormBody(content, options[b"boundary"], max_bytes)
    return RawBody(content, max_bytes)


class RawBody:
    """The bytes of the picture and nothing else."""

    def __init__(self, content: AsyncIterable[bytes], max_bytes: int) -> None:
        """Read from `content` as it is asked for."""
        self._content = content
        self._count = _Counter(max_bytes)
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Pass the body on, counting it."""
        async for piece in self._content:
            self._count.add(len(piece))
            yield piece
        if not self._count.total:
            raise InvalidRequest("The body is empty; send the picture's bytes, or a form.")


class FormBody:
    """A multipart form (RFC 7578) with the picture as its field `file`."""

    def __init__(self, content: AsyncIterable[bytes], boundary: bytes, max_bytes: int) -> None:
        """Parse `content` as it is asked for."""
        self._content = content
        self._count = _Counter(max_bytes)
        self._found: list[bytes] = []
        self._part = _Part()
        self._raw_fields: dict[str, bytearray] = {}
        self._files = 0
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self._field_bytes = 0
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            raise MalformedBody("The boundary of the multipart body is too long.") from error

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what belongs to `file`; gather the other fields on the way."""
        async for chunk in self._content:
            self._feed(partial(self._parser.write, chunk))
            found, self._found = self._found, []
            for piece in found:
                self._count.add(len(piece))
                yield piece
        self._feed(self._parser.finalize)
        self._check()
        self.fields = {name: _text(name, raw) for name, raw in self._raw_fields.items()}

    def _feed(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except FormParserError as error:
            raise MalformedBody("The multipart body breaks the rules of RFC 7578.") from error

    def _check(self) -> None:
        if self._part.is_open:
            raise MalformedBody("The multipart body ends before its closing boundary.")
        if not self._files:
            problem = FieldError(_FILE, "is missing; send the picture as this field.")
            raise InvalidRequest("The form carries no picture.", errors=[problem])
        if not self._count.total:
            problem = FieldError(_FILE, "is empty; send the picture's bytes.")
            raise InvalidRequest("The form carries an empty picture.", errors=[problem])

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part.begin,
            "on_header_field": self._part.header_name,
            "on_header_value": self._part.header_value,
            "on_header_end": self._part.header_end,
            "on_headers_finished": self._begin_field,
            "on_part_data": self._data,
            "on_end": self._part.end,
        }

    def _begin_field(self) -> None:
        name = self._part.field_name()
        if name == _FILE:
            self._files += 1
            self.file_name = self._part.file_name()
        if name in self._raw_fields or self._files > 1:
            raise InvalidRequest(
                "A form field stands twice.",
                errors=[FieldError(name, "is given more than once; give it once.")],
            )
        if name != _FILE:
            self._raw_fields[name] = bytearray()
        if len(self._raw_fields) > _MOST_FIELDS:
            limit = {"limit_fields": _MOST_FIELDS}
            raise InvalidRequest(f"The form has over {_MOST_FIELDS} fields.", limit=limit)

    def _data(self, data: bytes, start: int, end: int) -> None:
        name = self._part.name
        if name == _FILE:
            self._found.append(data[start:end])
            return
        self._raw_fields[name] += data[start:end]
        self._field_bytes += end - start
        if self._field_bytes > _MOST_FIELD_BYTES:
            limit = {"limit_bytes": _MOST_FIELD_BYTES}
            message = f"The form's fields beside the picture are over {_MOST_FIELD_BYTES} bytes."
            raise InvalidRequest(message, limit=limit)


class _Counter:
    def __init__(self, most: int) -> None:
        self._most = most
        self.total = 0

    def add(self, size: int) -> None:
        self.total += size
        if self.total > self._most:
            raise TooLarge(
                f"The picture has over {self._most} bytes; send a smaller file.",
                limit={"limit_bytes": self._most},
            )


class _Part:
    """The headers of the part that is being read."""

    def __init__(self) -> None:
        self.name = ""
        self.is_open = True
        self._headers = Message()
        self._name = bytearray()
        self._value = bytearray()

    def begin(self) -> None:
        self._headers = Message()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        name = self._name.decode("latin-1").lower()
        # The library reads options as Latin-1; `_option` turns them into what senders mean.
        self._headers[name] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def end(self) -> None:
        self.is_open = False

    def field_name(self) -> str:
        self.name = self._option(b"name") or ""
        if not self.name:
            raise MalformedBody("A part of the multipart body has no name.")
        return self.name

    def file_name(self) -> str | None:
        return (self._option(b"filename") or "")[-255:] or None

    def _option(self, name: bytes) -> str | None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        value = options.get(name)
        return value.decode("utf-8", "replace") if value is not None else None


def _text(name: str, raw: bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        problem = FieldError(name, "is not UTF-8 text.")
        raise InvalidRequest("A form field is not text.", errors=[problem]) from error
