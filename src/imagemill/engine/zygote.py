"""The zygote: a fresh program that loads every decoder, runs none, and forks children on request.

Started by the sandbox as `python -I -m imagemill.engine.zygote PLAN`. It holds no secret, for it
was not forked from a program that has any, and dies with the program that started it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from imagemill.engine import kernel
from imagemill.engine.lock import Bounds, Filter
from imagemill.engine.wire import Broken, Ended, Fork, Forked, Kill, Plan, Ready, hear, tell

_CLEAN, _FAILED = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Load everything, say so, and serve until the parent lets go."""
    kernel.prctl(kernel.SET_DEATH_SIGNAL, signal.SIGKILL)
    _outlive_signals()
    plan = Plan.model_validate_json(arguments[0])
    control = socket.socket(fileno=plan.control)
    try:
        zygote = Zygote(control, plan.bounds)
    except Exception:  # noqa: BLE001 - the edge of this program: the parent is told, then it ends.
        tell(control, Broken(reason=traceback.format_exc()[-4_000:]))
        return _FAILED
    _fall_silent()
    tell(control, Ready(threads=threads()))
    zygote.serve()
    return _CLEAN


def threads() -> int:
    """Count this process's threads."""
    return len(list(Path("/proc/self/task").iterdir()))


def _outlive_signals() -> None:
    """Leave it to the parent when to end, also when a supervisor signals the whole group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _fall_silent() -> None:
    """Lead errors nowhere from here on: what decoders print is a stranger's text."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


class Zygote:
    """Own the children: fork them, kill them, reap them and tell how each ended."""

    def __init__(self, control: socket.socket, bounds: Bounds) -> None:
        # What fails to load here must be told, so it is not loaded on top.
        from imagemill.engine import child, decode, introspection  # noqa: PLC0415 - as said above.

        decode.preload()
        introspection.introspect()
        self._live = child.live
        self._control = control
        self._bounds = bounds
        self._calls = Filter.of(child.CHANNEL)
        self._children: dict[int, int] = {}
        """Process id to number, of those not reaped yet."""
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        os.set_blocking(self._woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Work off notes and deaths until the parent lets go; then end every child."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._control.fileno() in ready and not self._heed():
                return self._end()

    def _heed(self) -> bool:
        heard = hear(self._control)
        if heard is None:
            return False
        note, beside = heard
        if isinstance(note, Fork):
            self._fork(note.child, beside[0])
        elif isinstance(note, Kill):
            self._kill(note.child)
        return True

    def _fork(self, number: int, channel: int) -> None:
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as refusal:
            os.close(channel)
            return tell(self._control, Broken(child=number, reason=str(refusal)))
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._live(channel, self._bounds, self._calls, zygote)
        os.close(channel)
        self._children[pid] = number
        return tell(self._control, Forked(child=number, pid=pid))

    def _kill(self, number: int) -> None:
        for pid, each in self._children.items():
            if each == number:
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._children:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            ended = Ended(
                child=self._children.pop(pid),
                status=status,
                cpu_s=used.ru_utime + used.ru_stime,
                peak_memory_bytes=used.ru_maxrss * 1024,
            )
            tell(self._control, ended)

    def _end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
