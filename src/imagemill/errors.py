"""Every way in which Imagemill says no, as one tree with one class per answer to the caller.

ImagemillError
├── Refused              the caller must change something; trying again as it is will fail again
│   ├── MalformedBody, InvalidRequest, Unauthenticated, Forbidden, SignatureInvalid, NotFound,
│   │   MethodNotAllowed
│   ├── Conflict, ImageInUse, RequestInProgress, IdempotencyKeyReused, TooMany, TooManyJobs,
│   │   RateLimited, Expired
│   └── PictureRefused   the picture itself is the reason
│       └── UnsupportedFormat, Truncated, Corrupt, TooLarge, TooManyPixels, TooManyScans,
│           MemoryLimit, OutputImpossible
└── Failed               something on this side went wrong; trying again may help
    ├── Timeout, DecoderCrashed, WorkerLost, DeadlinePassed, IntegrityLost, QueueFull, Internal
    └── Unavailable
        └── NotAsked     to callers the same answer: what names no code of its own has its parent's
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
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
    status = HTTPStatus.BAD_REQUEST


class MalformedBody(Refused):
    """Say that the body could not be read as what it claims to be."""

    code = "malformed_body"


class InvalidRequest(Refused):
    """Say which fields are wrong, all at once."""

    code = "invalid_request"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Unauthenticated(Refused):
    """Say that nobody is known to be calling."""

    code = "unauthenticated"
    status = HTTPStatus.UNAUTHORIZED


class Forbidden(Refused):
    """Say that the caller is known and may not do this."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class SignatureInvalid(Refused):
    """Say that a signed URL was changed, is out of date, or was signed for something else."""

    code = "signature_invalid"
    status = HTTPStatus.FORBIDDEN


class NotFound(Refused):
    """Say that there is no such thing, or that it is somebody else's: the two answer alike."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(Refused):
    """Say that the route exists for other methods."""

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED


class Conflict(Refused):
    """Say that the thing is not in a state in which this can be done."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class ImageInUse(Refused):
    """Say that jobs which have not ended need the image that was to be deleted."""

    code = "image_in_use"
    status = HTTPStatus.CONFLICT
    retry = True


class TooManyJobs(Refused):
    """Say that the caller has as many unfinished jobs as one owner may have."""

    code = "too_many_jobs"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry = True


class RateLimited(Refused):
    """Say that the caller came too often, and when to come again."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry = True


class Expired(Refused):
    """Say that the thing was here, and was removed when its time was over."""

    code = "expired"
    status = HTTPStatus.GONE


class RequestInProgress(Refused):
    """Say that the first request with this `Idempotency-Key` has not been answered yet."""

    code = "request_in_progress"
    status = HTTPStatus.CONFLICT
    retry = True


class IdempotencyKeyReused(Refused):
    """Say that this `Idempotency-Key` was sent before, with a request that meant something else."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooMany(Refused):
    """Say that the caller keeps as many things of this kind as one caller may."""

    code = "too_many"
    status = HTTPStatus.CONFLICT


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


class Failed(ImagemillError):
    """Say that something on this side went wrong."""

    code = "failed"
    retry = True


class Timeout(Failed):
    """Say that the work took longer than its limit and was killed."""

    code = "timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT


class DecoderCrashed(Failed):
    """Say that the sandboxed child died while it worked on this picture."""

    code = "decoder_crashed"
    alarm = True


class WorkerLost(Failed):
    """Say that worker after worker was not heard of again while it had this job."""

    code = "worker_lost"
    alarm = True


class DeadlinePassed(Failed):
    """Say that the job had not ended by the deadline that came with it."""

    code = "deadline_passed"
    status = HTTPStatus.GATEWAY_TIMEOUT
    retry = False


class IntegrityLost(Failed):
    """Say that stored bytes are no longer what was written."""

    code = "integrity"
    status = HTTPStatus.BAD_GATEWAY
    retry = False
    alarm = True


class Unavailable(Failed):
    """Say that a part that is needed does not answer now."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NotAsked(Unavailable):
    """Say that a part failed so often that it is left alone until `retry_after_s` have passed."""


class QueueFull(Failed):
    """Say that there are as many unfinished jobs as the whole installation takes."""

    code = "queue_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Internal(Failed):
    """Say that it is our fault, and nothing else."""

    code = "internal"
    alarm = True


def by_code(code: str) -> type[ImagemillError]:
    """Find the class of a code that came over a wire; an unknown code is `Internal`."""
    named = (each for each in _tree(ImagemillError) if vars(each).get("code") == code)
    return next(named, Internal)


def _tree(root: type[ImagemillError]) -> Iterator[type[ImagemillError]]:
    for child in root.__subclasses__():
        yield from _tree(child)
        yield child
