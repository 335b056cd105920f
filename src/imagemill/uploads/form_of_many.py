"""Many pictures in one multipart form, one after the other as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from imagemill.errors import FieldError, InvalidRequest, Truncated
from imagemill.uploads.parts import FILE, Counter, Fields, Parser, Part, boundary_of, no_picture

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PICTURES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Carried:
    """One picture of a form; it must be read before the next one is asked for."""

    file_name: str | None
    content: AsyncIterator[bytes]
    fields: dict[str, str] = field(default_factory=dict)
    """Always empty: the fields belong to the form."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes; raises `TooLarge`, `Truncated` when there are none, or `Refused`."""
        return self.content


@dataclass(frozen=True, slots=True)
class _Begin:
    file_name: str | None


@dataclass(frozen=True, slots=True)
class _End:
    pass


class FormOfMany:
    """A form with up to 10,000 pictures as fields `file`; what was parsed of a chunk is held."""

    def __init__(
        self,
        content: AsyncIterable[bytes],
        content_type: str,
        max_bytes: int,
        most: int = MOST_PICTURES,
    ) -> None:
        """Parse `content` as it is asked for; each picture has `max_bytes` at most.

        Raises `InvalidRequest` for what is no form.
        """
        boundary = boundary_of(content_type)
        if boundary is None:
            raise InvalidRequest("Many pictures are sent as a multipart form, each as `file`.")
        self._content = aiter(content)
        self._max_bytes = max_bytes
        self._most = most
        self._bytes_left = (most + 1) * max_bytes
        self._part = Part()
        self._others = Fields()
        self._files = 0
        self._found: deque[_Begin | bytes | _End] = deque()
        self._is_inside = False
        self._parser = Parser(boundary, self._callbacks())
        self.fields: dict[str, str] = {}
        """The other fields, complete when the pictures are at their end."""

    async def pictures(self) -> AsyncIterator[Carried]:
        """Yield the pictures in order; what is left of one is skipped before the next.

        Raises refusals of the body as a whole.
        """
        while found := await self._next():
            if isinstance(found, _Begin):
                self._is_inside = True
                yield Carried(found.file_name, self._counted())
                async for _ in self._rest():
                    pass
        if not self._files:
            raise no_picture()
        self.fields = self._others.texts()

    async def _counted(self) -> AsyncIterator[bytes]:
        count = Counter(self._max_bytes)
        async for piece in self._rest():
            count.add(len(piece))
            yield piece
        if not count.total:
            raise Truncated("The picture is empty; send its bytes.")

    async def _rest(self) -> AsyncIterator[bytes]:
        """Yield what has not been read of the picture that is being read."""
        while self._is_inside:
            found = await self._next()
            if isinstance(found, bytes):
                yield found
            else:
                self._is_inside = False

    async def _next(self) -> _Begin | bytes | _End | None:
        """Give what comes next in the form; None at its end."""
        while not self._found:
            chunk = await anext(self._content, None)
            if chunk is None:
                self._parser.finish(self._part)
                return None
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                raise InvalidRequest("The form is longer than its pictures may be together.")
            self._parser.write(chunk)
        return self._found.popleft()

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part.begin,
            "on_header_field": self._part.header_name,
            "on_header_value": self._part.header_value,
            "on_header_end": self._part.header_end,
            "on_headers_finished": self._begin_field,
            "on_part_data": self._data,
            "on_part_end": self._end_field,
            "on_end": self._part.end,
        }

    def _begin_field(self) -> None:
        name = self._part.field_name()
        if name != FILE:
            self._others.begin(name)
            return
        self._files += 1
        if self._files > self._most:
            problem = FieldError(FILE, f"is given over {self._most} times; send several forms.")
            limit = {"limit_pictures": self._most}
            raise InvalidRequest("The form has too many pictures.", errors=[problem], limit=limit)
        self._found.append(_Begin(self._part.file_name()))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == FILE:
            self._found.append(data[start:end])
        else:
            self._others.add(self._part.name, data[start:end])

    def _end_field(self) -> None:
        if self._part.name == FILE:
            self._found.append(_End())
