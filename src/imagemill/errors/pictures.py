"""Refusals whose reason is the picture itself."""

from __future__ import annotations

from http import HTTPStatus

from imagemill.errors.root import Refused


class PictureRefused(Refused):
    """Say that the picture cannot be worked on; the job fails at once and is not retried."""

    code = "picture_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnsupportedFormat(PictureRefused):
    """Say that the bytes are of no format that is read here."""

    code = "unsupported_format"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Truncated(PictureRefused):
    """Say that the picture ends before its pixels do."""

    code = "truncated"


class Corrupt(PictureRefused):
    """Say that the picture contradicts its own format."""

    code = "corrupt"


class TooLarge(PictureRefused):
    """Say that there are too many bytes."""

    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooManyPixels(PictureRefused):
    """Say that a side, or all frames together, exceed the limit of pixels."""

    code = "too_many_pixels"


class TooManyScans(PictureRefused):
    """Say that a JPEG asks for more passes over its pixels than any real one needs."""

    code = "too_many_scans"


class MemoryLimit(PictureRefused):
    """Say that the work needs more memory than one child may take."""

    code = "memory_limit"


class OutputImpossible(PictureRefused):
    """Say that this output cannot be made of this picture (a crop outside of it, too few bytes)."""

    code = "output_impossible"
