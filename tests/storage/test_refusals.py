"""What an object store's refusals mean."""

from __future__ import annotations

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from imagemill.errors import NotFound, Unavailable
from imagemill.storage.objects.refusals import Refusal, kind_of, of


def refused(code: str, status: int) -> str:
    return f"Server returned non-2xx status code: {status} X: <Error><Code>{code}</Code></Error>"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(refused("NoSuchKey", 404)), Refusal.GONE),
        (FileNotFoundError("Object at location a not found"), Refusal.GONE),
        (FileNotFoundError(refused("NoSuchBucket", 404)), Refusal.NO_BUCKET),
        (FileNotFoundError(refused("ContainerNotFound", 404)), Refusal.NO_BUCKET),
        (PermissionDeniedError(refused("SignatureDoesNotMatch", 403)), Refusal.DENIED),
        (PermissionDeniedError(refused("RequestTimeTooSkewed", 403)), Refusal.CLOCK),
        (GenericError(refused("InvalidRange", 416)), Refusal.BEYOND),
        (GenericError(refused("AuthorizationHeaderMalformed", 400)), Refusal.WRONG),
        (GenericError(refused("PermanentRedirect", 301)), Refusal.WRONG),
        (GenericError(refused("SlowDown", 503)), Refusal.ILL),
        (GenericError(refused("TooManyRequests", 429)), Refusal.ILL),
        (GenericError("error sending request"), Refusal.ILL),
        (GenericError("PUT http://169.254.169.254/latest/api/token"), Refusal.KEYLESS),
        (GenericError("GET http://metadata.google.internal/token"), Refusal.KEYLESS),
    ],
)
def test_a_refusal_is_known_by_what_the_store_says(error: Exception, kind: Refusal) -> None:
    assert kind_of(error) is kind


def test_an_object_that_is_not_there_is_not_found() -> None:
    assert isinstance(of(FileNotFoundError(refused("NoSuchKey", 404))), NotFound)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionDeniedError(refused("RequestTimeTooSkewed", 403)), "clock of this machine"),
        (PermissionDeniedError(refused("AccessDenied", 403)), "credentials"),
        (FileNotFoundError(refused("NoSuchBucket", 404)), "no such bucket"),
        (GenericError("http://10.0.0.1:9000/bucket/key"), "try again later"),
        (GenericError("GET http://169.254.169.254/latest"), "IMAGEMILL_STORAGE_ACCESS_KEY"),
    ],
)
def test_every_other_refusal_is_unavailable_and_names_no_address(
    error: Exception, told: str
) -> None:
    meant = of(error)

    assert isinstance(meant, Unavailable)
    assert told in meant.message
    assert meant.retry_after_s
    assert "10.0.0.1" not in meant.message
