"""What a child's death means for the order that it was working on."""

from __future__ import annotations

import os
import signal

from imagemill.engine.nursery import End
from imagemill.engine.settings import SandboxSettings
from imagemill.errors import DecoderCrashed, ImagemillError, Timeout, Unavailable


def blame(end: End, settings: SandboxSettings) -> ImagemillError:
    """Choose the error for the order whose child ended so."""
    if end.status is None:
        return Unavailable("The sandbox was restarted under this work. Try again.")
    if killed_by(end.status) == signal.SIGXCPU:
        return Timeout(
            f"The work took more than {settings.cpu_s} s of processor time and was stopped.",
            limit={"cpu_s": settings.cpu_s},
        )
    return DecoderCrashed("The decoder crashed on this picture. Nothing else was harmed.")


def late(timeout_s: float) -> Timeout:
    """Say that the work was killed at its deadline."""
    return Timeout(
        f"The work took longer than {timeout_s:g} s and was stopped.",
        limit={"timeout_s": timeout_s},
    )


def note(end: End) -> str:
    """Say for the log, never for the caller, how a child ended."""
    if end.status is None:
        return end.reason
    fatal = killed_by(end.status)
    if fatal is None:
        return f"ended with status {os.waitstatus_to_exitcode(end.status)}"
    if fatal == signal.SIGSYS:
        return "killed by SIGSYS: it tried a system call that the sandbox forbids"
    return f"killed by {fatal.name}"


def reason(end: End) -> str:
    """Say in one word, of a few, how a child ended."""
    if end.status is None:
        return "unknown"
    fatal = killed_by(end.status)
    if fatal is None:
        return "exit"
    return _WORDS.get(fatal, "signal")


_WORDS = {signal.SIGSYS: "forbidden_call", signal.SIGXCPU: "cpu"}


def killed_by(status: int) -> signal.Signals | None:
    """Read the signal that ended a process out of its wait status; None where it exited."""
    return signal.Signals(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else None
