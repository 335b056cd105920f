"""Every way in which Imagemill says no, as one tree with one class per answer to the caller.

ImagemillError
├── Refused              the caller must change something; trying again as it is will fail again
│   ├── MalformedBody, InvalidRequest, Unauthenticated, Forbidden, SignatureInvalid, NotFound,
│   │   MethodNotAllowed, ChangedMeanwhile, RangeImpossible
│   ├── MalformedRequest, HeadTooLarge, TargetTooLong, TooSlow, RateLimited
│   ├── Conflict, ImageInUse, RequestInProgress, IdempotencyKeyReused, TooMany, TooManyJobs,
│   │   TooManyAttempts, QuotaExceeded, Expired
│   ├── UrlNotAllowed, SourceBlocked
│   ├── UnsupportedVersion, UnsupportedBody, Locked, ChecksumMismatch   of resumable uploads
│   └── PictureRefused   the picture itself is the reason
│       └── UnsupportedFormat, Truncated, Corrupt, TooLarge, TooManyPixels, TooManyScans,
│           MemoryLimit, OutputImpossible
└── Failed               something on this side went wrong; trying again may help
    ├── Timeout, DecoderCrashed, WorkerLost, DeadlinePassed, IntegrityLost, QueueFull, Internal
    ├── SourceUnavailable
    │   └── SourceRefused  answers as its parent does, but trying again is of no use
    └── Unavailable
        └── NotAsked     to callers the same answer: what names no code of its own has its parent's
"""

from __future__ import annotations

from collections.abc import Iterator

from imagemill.errors.failed import (
    DeadlinePassed,
    DecoderCrashed,
    IntegrityLost,
    Internal,
    NotAsked,
    QueueFull,
    SourceRefused,
    SourceUnavailable,
    Timeout,
    Unavailable,
    WorkerLost,
)
from imagemill.errors.pictures import (
    Corrupt,
    MemoryLimit,
    OutputImpossible,
    PictureRefused,
    TooLarge,
    TooManyPixels,
    TooManyScans,
    Truncated,
    UnsupportedFormat,
)
from imagemill.errors.refused import (
    ChangedMeanwhile,
    ChecksumMismatch,
    Conflict,
    Expired,
    Forbidden,
    HeadTooLarge,
    IdempotencyKeyReused,
    ImageInUse,
    InvalidRequest,
    Locked,
    MalformedBody,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    QuotaExceeded,
    RangeImpossible,
    RateLimited,
    RequestInProgress,
    SignatureInvalid,
    SourceBlocked,
    TargetTooLong,
    TooMany,
    TooManyAttempts,
    TooManyJobs,
    TooSlow,
    Unauthenticated,
    UnsupportedBody,
    UnsupportedVersion,
    UrlNotAllowed,
)
from imagemill.errors.root import Failed, FieldError, ImagemillError, Refused, Scalar

__all__ = [
    "ChangedMeanwhile",
    "ChecksumMismatch",
    "Conflict",
    "Corrupt",
    "DeadlinePassed",
    "DecoderCrashed",
    "Expired",
    "Failed",
    "FieldError",
    "Forbidden",
    "HeadTooLarge",
    "IdempotencyKeyReused",
    "ImageInUse",
    "ImagemillError",
    "IntegrityLost",
    "Internal",
    "InvalidRequest",
    "Locked",
    "MalformedBody",
    "MalformedRequest",
    "MemoryLimit",
    "MethodNotAllowed",
    "NotAsked",
    "NotFound",
    "OutputImpossible",
    "PictureRefused",
    "QueueFull",
    "QuotaExceeded",
    "RangeImpossible",
    "RateLimited",
    "Refused",
    "RequestInProgress",
    "Scalar",
    "SignatureInvalid",
    "SourceBlocked",
    "SourceRefused",
    "SourceUnavailable",
    "TargetTooLong",
    "Timeout",
    "TooLarge",
    "TooMany",
    "TooManyAttempts",
    "TooManyJobs",
    "TooManyPixels",
    "TooManyScans",
    "TooSlow",
    "Truncated",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedBody",
    "UnsupportedFormat",
    "UnsupportedVersion",
    "UrlNotAllowed",
    "WorkerLost",
    "by_code",
]


def by_code(code: str) -> type[ImagemillError]:
    """Find the class of a code that came over a wire; an unknown code is `Internal`."""
    named = (each for each in _tree(ImagemillError) if vars(each).get("code") == code)
    return next(named, Internal)


def _tree(root: type[ImagemillError]) -> Iterator[type[ImagemillError]]:
    for child in root.__subclasses__():
        yield from _tree(child)
        yield child
