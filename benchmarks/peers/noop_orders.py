"""Run a peer's client of the no-op benchmark: `python -m noop_orders noop_celery`.

It takes orders on standard input and answers each. `one 300` submits jobs one by one and `bulk 300`
with the one call that the peer has for that; the answer is the seconds it took, or `none`. `done`
answers how many results are kept.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable


def serve(
    submit: Callable[[int], object],
    submit_in_bulk: Callable[[int], object] | None,
    done: Callable[[], int],
) -> None:
    """Say `ready`, then serve orders until standard input ends."""
    _say("ready")
    for line in sys.stdin:
        order, _, count = line.strip().partition(" ")
        if order == "done":
            _say(str(done()))
        elif order == "one":
            _say(_timed(submit, int(count)))
        else:
            _say(_timed(submit_in_bulk, int(count)) if submit_in_bulk else "none")


def _timed(submit: Callable[[int], object], count: int) -> str:
    began = time.perf_counter()
    submit(count)
    return f"{time.perf_counter() - began:.6f}"


def _say(answer: str) -> None:
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    importlib.import_module(sys.argv[1]).client(serve)
