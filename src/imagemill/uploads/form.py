"""A picture in a request body, read as it arrives: a multipart form, or the bytes themselves."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Protocol

from imagemill.errors import FieldError, InvalidRequest
from imagemill.uploads.parts import (
    FILE,
    Counter,
    Fields,
    Parser,
    Part,
    boundary_of,
    no_picture,
    twice,
)

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class Body(Protocol):
    """A request body in which a picture lies."""

    @property
    def fields(self) -> dict[str, str]:
        """The other fields, complete when the pieces are at their end."""
        ...

    @property
    def file_name(self) -> str | None:
        """What the sender calls the picture, if it does."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the picture's bytes as they arrive; raises refusals of the body."""
        ...


def body_of(content: AsyncIterable[bytes], content_type: str, max_bytes: int) -> Body:
    """Choose how to read a body by its `Content-Type`; the picture has `max_bytes` at most."""
    boundary = boundary_of(content_type)
    if boundary is None:
        return RawBody(content, max_bytes)
    return FormBody(content, boundary, max_bytes)


class RawBody:
    """The bytes of the picture and nothing else."""

    def __init__(self, content: AsyncIterable[bytes], max_bytes: int) -> None:
        """Read from `content` as it is asked for."""
        self._content = content
        self._count = Counter(max_bytes)
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
        self._count = Counter(max_bytes)
        self._found: list[bytes] = []
        self._part = Part()
        self._others = Fields()
        self._files = 0
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self._parser = Parser(boundary, self._callbacks())

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what belongs to `file`; gather the other fields on the way."""
        async for chunk in self._content:
            self._parser.write(chunk)
            found, self._found = self._found, []
            for piece in found:
                self._count.add(len(piece))
                yield piece
        self._parser.finish(self._part)
        self._check()
        self.fields = self._others.texts()

    def _check(self) -> None:
        if not self._files:
            raise no_picture()
        if not self._count.total:
            problem = FieldError(FILE, "is empty; send the picture's bytes.")
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
        if name != FILE:
            self._others.begin(name)
            return
        self._files += 1
        self.file_name = self._part.file_name()
        if self._files > 1:
            raise twice(name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == FILE:
            self._found.append(data[start:end])
        else:
            self._others.add(self._part.name, data[start:end])
