"""`imagemill serve` with workers whose work is nothing: all that the benchmark takes from inside.

Run as `python -m benchmarks.noop.imagemill LOOPS COUNT PORT DATA NAME...`, it does what `imagemill
serve NAME...` does, but what `assembly` takes for a worker is `Idle`: it has the real queue and
the real `JobsClient`, and no pixels. SIGUSR1 holds it, SIGUSR2 lets it go.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from imagemill import serving
from imagemill.assembly import services
from imagemill.contracts.jobs import (
    TOPIC,
    Claim,
    ClaimRequest,
    Finish,
    JobMessage,
    JobsClient,
    Made,
)
from imagemill.queue import Delivery, Queue
from imagemill.settings import Settings

_AT_ONCE = 32
"""Messages taken from the queue in one call, as peers that prefetch do."""
HOLD, GO = signal.SIGUSR1, signal.SIGUSR2
_NOTHING_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Count:
    """A number in a file of eight bytes, which another process may read at any time."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        self._value = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

    def more(self) -> None:
        """Count one more; it costs two microseconds."""
        self._value += 1
        os.pwrite(self._descriptor, self._value.to_bytes(8, "little"), 0)


def counted(path: Path) -> int:
    """Read what a `Count` has counted; 0 where it has not begun."""
    return int.from_bytes(path.read_bytes(), "little") if path.exists() else 0


class Idle:
    """Take the place of a `Worker`: claim, and finish with one tiny result that is recorded."""

    def __init__(
        self,
        *,
        loops: int,
        count: Count,
        name: str,
        jobs: JobsClient,
        queue: Queue,
        hands: int,
        **_: Any,  # noqa: ANN401 - the storage and the sandbox, which are for pixels
    ) -> None:
        """Take what a worker gets; `hands` jobs are in hand in each of the loops."""
        self._loops = loops
        self._count = count
        self._name = name
        self._jobs = jobs
        self._queue = queue
        self._hands = hands
        self._may = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        self._may.set()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(HOLD, self._may.clear)
        loop.add_signal_handler(GO, self._may.set)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._loops):
                group.create_task(self._loop())

    async def drain(self) -> None:
        """Stop at once; there is nothing to end."""

    async def _loop(self) -> None:
        free = asyncio.Semaphore(self._hands)
        async with asyncio.TaskGroup() as group:
            await free.acquire()
            async for delivery in self._queue.receive(TOPIC, prefetch=_AT_ONCE):
                await self._may.wait()
                group.create_task(self._handle(delivery, free))
                await free.acquire()

    async def _handle(self, delivery: Delivery, free: asyncio.Semaphore) -> None:
        message = JobMessage.model_validate_json(delivery.body)
        claim = await self._jobs.claim(ClaimRequest(job_id=message.job_id, worker=self._name))
        if claim is not None:
            await self._jobs.finish(claim.job_id, _finish(claim))
            self._count.more()
        await delivery.done()
        free.release()


def _finish(claim: Claim) -> Finish:
    outputs = {name: _made(key) for name, key in claim.work_keys.items()}
    return Finish(lease_id=claim.lease_id, outputs=outputs, decodes=1, cpu_s=0, peak_memory_bytes=0)


def _made(work_key: str) -> Made:
    return Made(
        storage_key=f"{work_key[:2]}/{work_key}-1",
        format="json",
        media_type="application/json",
        width=None,
        height=None,
        size_bytes=0,
        sha256=_NOTHING_SHA256,
        milliseconds=0,
    )


def main(argv: Sequence[str]) -> int:
    """Serve until a signal comes."""
    loops, count, port, data, *names = argv
    idle = partial(Idle, loops=int(loops), count=Count(Path(count)))
    # The assembly is the one place where a worker is made; it calls this by a worker's name.
    vars(services)["Worker"] = idle
    settings = Settings.load(port=int(port), data=Path(data), log_level="WARNING")
    return serving.serve(settings, names, announce=print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
