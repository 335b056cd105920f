"""What went wrong on this side; trying again may help."""

from __future__ import annotations

from http import HTTPStatus

from imagemill.errors.root import Failed


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


class SourceUnavailable(Failed):
    """Say that the host of a URL did not give what was asked for, or was too slow."""

    code = "source_unavailable"
    status = HTTPStatus.BAD_GATEWAY


class SourceRefused(SourceUnavailable):
    """Say that the host of a URL answered that there is nothing to be had (404, 403, ...)."""

    retry = False


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
