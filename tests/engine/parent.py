"""A program with a sandbox, to be killed: prints the process ids of its zygote and children."""

from __future__ import annotations

import asyncio
import sys

from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings


async def main() -> None:
    """Start a sandbox, tell of whom it consists, and wait."""
    async with Sandbox(SandboxSettings(spare_children=2)) as sandbox:
        nursery = sandbox._crew._nursery
        assert nursery is not None
        started = [nursery.fork() for _ in range(2)]
        for child in started:
            await child.greet()
        sys.stdout.write(f"{nursery.pid} {' '.join(str(each.pid) for each in started)}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main())
