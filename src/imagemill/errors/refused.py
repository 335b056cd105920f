"""Refusals that are not about a picture: the caller must change the request."""

from __future__ import annotations

from http import HTTPStatus

from imagemill.errors.root import Refused


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


class MalformedRequest(Refused):
    """Say that what was sent is no HTTP request, or one that could be read in two ways."""

    code = "malformed_request"


class HeadTooLarge(Refused):
    """Say that the head of the request has too many bytes or fields."""

    code = "head_too_large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class TargetTooLong(Refused):
    """Say that the path and the query together have too many bytes."""

    code = "target_too_long"
    status = HTTPStatus.REQUEST_URI_TOO_LONG


class TooSlow(Refused):
    """Say that the request arrived so slowly that it was not waited for any longer."""

    code = "too_slow"
    status = HTTPStatus.REQUEST_TIMEOUT
    retry = True


class RateLimited(Refused):
    """Say that the caller came too often, and when to come again."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry = True


class ChangedMeanwhile(Refused):
    """Say that a file is another one than the request's conditions name."""

    code = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED


class RangeImpossible(Refused):
    """Say that a file has no byte in the range that was asked for."""

    code = "range_not_satisfiable"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


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


class TooManyAttempts(Refused):
    """Say that passwords, or tokens that were sent by mail, were tried too often."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry = True


class QuotaExceeded(Refused):
    """Say that a key or an account has used up what it may use.

    With `retry_after_s` where the next month brings new room; without it, something must go first.
    """

    code = "quota_exceeded"
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


class UrlNotAllowed(Refused):
    """Say that a URL is refused before anybody is asked: its form, scheme, port or host."""

    code = "url_not_allowed"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class SourceBlocked(Refused):
    """Say that nothing is fetched from a URL: where it leads is not public, or speaks no HTTP.

    One answer for all of these, so that nobody finds out through it what a network has inside.
    """

    code = "source_blocked"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnsupportedVersion(Refused):
    """Say that the request speaks no version of a protocol that is spoken here."""

    code = "unsupported_version"
    status = HTTPStatus.PRECONDITION_FAILED


class UnsupportedBody(Refused):
    """Say that the body's `Content-Type` is not the one that this route reads."""

    code = "unsupported_body"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Locked(Refused):
    """Say that another request is adding to the same upload."""

    code = "locked"
    status = HTTPStatus.LOCKED
    retry = True


class ChecksumMismatch(Refused):
    """Say that the bytes which arrived are not those that were sent."""

    code = "checksum_mismatch"
    status = 460
    retry = True
