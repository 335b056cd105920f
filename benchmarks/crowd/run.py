"""Measure what others notice of a crowd, and what it costs the server in memory.

The real program runs with its own limits (but for the rate of the one key that all share). One
client asks for an image, again and again: in quiet, beside 500 slow clients, in quiet again, beside
50 uploads of 50 MB at once. The ratio of the slowest hundredths is what counts, for the machine is
shared with the crowd, which has a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.crowd.clients import GATHERED_S, picture
from benchmarks.machine import described
from benchmarks.measure import cpu_s
from benchmarks.processes import Program, Programs, answers
from benchmarks.results import RESULTS, keep
from benchmarks.wire import HOST, Line, free_port

_COMMAND = Path(sys.executable).with_name("imagemill")
_ROOT = Path(__file__).parents[2]
_PAUSE_S = 0.01
_SAMPLE_EVERY_S = 0.25


@dataclass
class Phase:
    """What one client noticed, and what the server held meanwhile."""

    name: str
    seconds: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    cpu: float = 0.0
    """Share of one core that the server took, its children's left out."""
    crowd: str = ""
    """What became of the crowd."""

    @property
    def p99_ms(self) -> float:
        """The slowest hundredth, in milliseconds."""
        return 1000 * statistics.quantiles(self.seconds, n=100)[98]

    def row(self, quiet: Phase) -> str:
        """Write it as a row of the table."""
        p50_ms = 1000 * statistics.median(self.seconds)
        memory = f"{min(self.resident_mb):.0f} to {max(self.resident_mb):.0f}"
        return (
            f"| {self.name} | {len(self.seconds)} | {p50_ms:.1f} | {self.p99_ms:.1f} "
            f"| {self.p99_ms / quiet.p99_ms:.2f} | {memory} | {100 * self.cpu:.0f} |"
        )


@dataclass(frozen=True, slots=True)
class Server:
    """The program under test."""

    pid: int
    port: int
    key: str

    async def ask(self, line: Line, path: str) -> float:
        """Ask for an image; give the seconds that it took."""
        began = time.perf_counter()
        (await line.ask("GET", path, {"X-API-Key": self.key})).expect(200)
        return time.perf_counter() - began

    def resident_mb(self) -> float:
        """Tell how much memory the server itself holds, without its children."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(each.split()[1]) / 1000 for each in lines if each.startswith("VmRSS"))


def main(argv: Sequence[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each phase but the uploads")
    parser.add_argument("--slow", type=int, default=500, help="slow clients")
    parser.add_argument("--uploads", type=int, default=50, help="uploads at once")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    about = described(datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        phases = asyncio.run(_measured(Path(folder), asked.seconds, asked.slow, asked.uploads))
    report = _report(about, phases)
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, "-crowd")
    return 0


async def _measured(folder: Path, seconds: float, slow: int, uploads: int) -> list[Phase]:
    async with _served(folder) as server:
        path = await _kept(server)
        await _probed(server, path, Phase("warming up"), seconds=3)
        quiet = await _probed(server, path, Phase("quiet"), seconds=seconds)
        beside = Phase(f"{slow} slow clients")
        async with _crowd(server, path, "slow", slow, beside) as crowd:
            await _probed(server, path, Phase("arriving"), seconds=GATHERED_S)
            await _probed(server, path, beside, seconds=seconds)
            assert crowd.stdin
            crowd.stdin.close()
        again = await _probed(server, path, Phase("quiet again"), seconds=seconds)
        sending = Phase(f"{uploads} uploads of 50 MB at once")
        async with _crowd(server, path, "upload", uploads, sending) as crowd:
            await _probed(server, path, sending, crowd=crowd)
        after = await _probed(server, path, Phase("quiet afterwards"), seconds=seconds / 2)
        return [quiet, beside, again, sending, after]


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[Server]:
    port, data = free_port(), folder / "data"
    arguments = f"serve --host {HOST} --port {port} --data"
    unlimited = {f"IMAGEMILL_GATEWAY_KEY_{each}": "0" for each in ("PER_MINUTE", "BURST")}
    program = Program("server", [_COMMAND, *arguments.split(), data], unlimited)
    async with Programs([program], folder) as programs:
        await programs.ready(lambda: answers(port, "/health/ready"))
        yield Server(programs.roots[0], port, (data / "admin-key").read_text().strip())


async def _kept(server: Server) -> str:
    """Keep a picture; give the path of what is known of it."""
    line = Line(server.port)
    body = list(picture(1_000_000))
    reply = await line.ask("POST", "/api/v1/images", {"X-API-Key": server.key}, body)
    line.close()
    return f"/api/v1/images/{reply.expect(201).json()['image_id']}"


async def _probed(
    server: Server,
    path: str,
    phase: Phase,
    *,
    seconds: float = 100.0,
    crowd: asyncio.subprocess.Process | None = None,
) -> Phase:
    """Ask again and again, for so long or until the crowd has gone."""
    line, end, sampled = Line(server.port), time.monotonic() + seconds, 0.0
    began, cpu_before_s = time.monotonic(), cpu_s([server.pid])
    while time.monotonic() < end and (crowd is None or crowd.returncode is None):
        phase.seconds.append(await server.ask(line, path))
        if time.monotonic() > sampled + _SAMPLE_EVERY_S:
            sampled = time.monotonic()
            phase.resident_mb.append(server.resident_mb())
        await asyncio.sleep(_PAUSE_S)
    line.close()
    phase.cpu = (cpu_s([server.pid]) - cpu_before_s) / (time.monotonic() - began)
    return phase


@asynccontextmanager
async def _crowd(
    server: Server, path: str, kind: str, count: int, phase: Phase
) -> AsyncIterator[asyncio.subprocess.Process]:
    argv = [sys.executable, "-m", "benchmarks.crowd.clients", kind, str(count), str(server.port)]
    crowd = await asyncio.create_subprocess_exec(
        *argv,
        server.key,
        f"{path}/content",
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield crowd
        assert crowd.stdout
        async with asyncio.timeout(60):
            phase.crowd = _ends(json.loads(await crowd.stdout.read()))
    finally:
        if crowd.returncode is None:
            crowd.kill()
        await crowd.wait()


def _ends(seen: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(seen.items()))


def _report(about: str, phases: Sequence[Phase]) -> str:
    """Write the table; the first phase is what the others are compared with."""
    head = (
        "| an image is asked for | requests | p50, ms | p99, ms | p99, times the quiet one "
        "| server's memory, MB | its CPU, % of a core |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    rows = [each.row(phases[0]) for each in phases]
    crowds = [f"{each.name}: {each.crowd}" for each in phases if each.crowd]
    return "\n".join([about, "", head, *rows, "", *crowds]) + "\n"
