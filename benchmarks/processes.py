"""The programs of a system under test: started together, watched, and stopped together."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.wire import Line, UnexpectedReply

_READY_WITHIN_S = 60
_STOPPED_WITHIN_S = 10
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Program:
    """One command line of a system."""

    name: str
    argv: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to a minimal environment; nothing of the caller's is handed on but PATH and HOME."""
    piped: bool = False
    """Whether it is spoken to over standard input and output."""


class Programs:
    """Run programs until the block ends; each has a session of its own and writes its own log."""

    def __init__(self, programs: Sequence[Program], folder: Path) -> None:
        """Name the programs and the existing folder that they work in."""
        self._programs = programs
        self._folder = folder
        self.running: list[asyncio.subprocess.Process] = []

    @property
    def roots(self) -> list[int]:
        """Process ids of the programs, in the order in which they were named."""
        return [process.pid for process in self.running]

    async def __aenter__(self) -> Self:
        """Start every program."""
        for program in self._programs:
            self.running.append(await self._start(program))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ask every program to end, the last first, and kill what is left of its session."""
        for process in reversed(self.running):
            await _stop(process)

    async def ready(self, look: Callable[[], Awaitable[bool]]) -> None:
        """Wait until `look` says yes; raise `TimeoutError` with the ends of the logs if not."""
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                while not await look():
                    self._all_alive()
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError as error:
            raise TimeoutError(f"Not ready in {_READY_WITHIN_S} s. {self.logs()}") from error

    def logs(self) -> str:
        """Give the ends of the logs in the folder."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)

    def _all_alive(self) -> None:
        if any(process.returncode is not None for process in self.running):
            raise ChildProcessError(f"A program ended by itself. {self.logs()}")

    async def _start(self, program: Program) -> asyncio.subprocess.Process:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with (self._folder / f"{program.name}.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *program.argv,
                cwd=self._folder,
                env={**kept, **program.environment},
                stdin=asyncio.subprocess.PIPE if program.piped else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if program.piped else log,
                stderr=log,
                start_new_session=True,
            )


async def answers(port: int, path: str, status: int = 200) -> bool:
    """Tell whether a server answers a GET with this status."""
    line = Line(port)
    try:
        return (await line.ask("GET", path)).status == status
    except (OSError, UnexpectedReply):
        return False
    finally:
        line.close()


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOPPED_WITHIN_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        _signal(process.pid, signal.SIGKILL)
        await process.wait()


def _signal(session: int, number: signal.Signals) -> None:
    try:
        os.killpg(session, number)
    except ProcessLookupError:
        return
