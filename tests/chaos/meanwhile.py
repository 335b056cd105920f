"""What goes on beside the thing that is looked at: users who submit, readers who read."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def meanwhile(*actions: Callable[[int], object], every_s: float) -> Iterator[None]:
    """Do each thing again and again beside a block, with a number that grows."""
    over = threading.Event()

    def repeat(action: Callable[[int], object]) -> None:
        for index in itertools.count():
            if over.wait(every_s):
                return
            action(index)

    with ExitStack() as opened:
        for action in actions:
            thread = threading.Thread(target=repeat, args=(action,))
            thread.start()
            opened.callback(thread.join)
        opened.callback(over.set)
        yield
