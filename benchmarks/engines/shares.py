"""Tell which process of a split installation takes how much of a job: `python -m ….shares`.

The figures behind `docs/scaling.md`: CPU of each process for a job, of its children too, and what
is left of the whole machine's, which is the servers' and the kernel's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.engines.forms import FORMS, Form, running
from benchmarks.engines.machine import busy_s
from benchmarks.engines.run import driven, place
from benchmarks.machine import described
from benchmarks.measure import cpu_s, tree
from benchmarks.pictures import Album, album
from benchmarks.results import RESULTS, keep

_LANES: Final = 8
_WARM: Final = 16


def main(argv: Sequence[str]) -> int:
    """Measure one form and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines.shares")
    parser.add_argument("--pictures", type=Path, help="folder of photographs; drawn without it")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--form", type=int, default=7, help="number of the form, from 0")
    asked = parser.parse_args(argv)
    about, form = described(datetime.now(UTC)), FORMS[asked.form]
    photos = album(asked.pictures, Path(".tools/bench/pictures"))
    shares = asyncio.run(_measured(form, photos, asked.jobs))
    rows = [f"| {name} | {ms:.1f} |" for name, ms in shares.items()]
    head = f"{form.name}, {asked.jobs} jobs\n\n| | CPU, ms a job |\n|---|--:|"
    report = "\n".join([about, "", head, *rows]) + "\n"
    sys.stdout.write(report)
    keep(report, RESULTS, "-shares")
    return 0


async def _measured(form: Form, photos: Album, jobs: int) -> dict[str, float]:
    with place() as folder:
        async with running(form, folder) as client:
            await driven(client, photos, _WARM, _LANES)
            before = {name: cpu_s(tree([root])) for name, root in client.roots.items()}
            whole_s = busy_s()
            timing = await driven(client, photos, jobs, _LANES)
            whole_s = busy_s() - whole_s - timing.generator_cpu_s
            spent = {
                name: 1000 * (cpu_s(tree([root])) - before[name]) / jobs
                for name, root in client.roots.items()
            }
    return {**spent, "servers and kernel": 1000 * whole_s / jobs - sum(spent.values())}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
