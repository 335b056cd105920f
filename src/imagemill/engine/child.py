"""A child: locked in, it answers one order after another until its parent lets go.

Runs in a fork of the zygote. It can read the descriptors that come with an order and write to
those for its outputs; nothing else in the world is within its reach.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
import time
import traceback
from collections.abc import Sequence
from typing import Annotated

import pyvips
from pydantic import Field, TypeAdapter

from imagemill.engine import probe, render
from imagemill.engine.lock import Bounds, Filter, lock
from imagemill.engine.orders import Answer, ProbeOrder, RenderOrder
from imagemill.engine.wire import Hello, receive, send, word
from imagemill.errors import ImagemillError, Internal, MemoryLimit, OutputImpossible

CHANNEL = 3
"""Descriptor of a child's socket, the only one open besides those of an order."""
_FAILED = 1
_MAX_MESSAGE = 1_000
_MAX_NOTE = 4_000
_OUT_OF_MEMORY = (
    "out of memory",
    "insufficient memory",
    "memory allocation error",
    "unable to allocate",
    "failed to allocate",
)
"""How libvips and its codecs say it."""

_orders: TypeAdapter[ProbeOrder | RenderOrder] = TypeAdapter(
    Annotated[ProbeOrder | RenderOrder, Field(discriminator="do")]
)


def live(channel: int, bounds: Bounds, calls: Filter, parent: int) -> None:
    """Become a child: let go of everything inherited, lock, and answer orders to the end.

    Never returns. `parent` is the zygote's process id, to notice one that died meanwhile.
    """
    try:
        _let_go(channel)
        orders = socket.socket(fileno=CHANNEL)
        hello = _locked(bounds, calls, parent)
        send(CHANNEL, hello.model_dump_json().encode())
        if not hello.broken:
            _serve(orders, bounds)
    finally:
        os._exit(_FAILED)


def _let_go(channel: int) -> None:
    """Keep the channel and three descriptors that lead nowhere; close the rest."""
    os.dup2(channel, CHANNEL)
    os.closerange(CHANNEL + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _locked(bounds: Bounds, calls: Filter, parent: int) -> Hello:
    try:
        return Hello(layers=lock(bounds, calls, parent=parent))
    except Exception as error:  # noqa: BLE001 - the edge of a new child: its parent is told.
        return Hello(broken=f"{type(error).__name__}: {error}")


def _serve(channel: socket.socket, bounds: Bounds) -> None:
    while (received := receive(channel)) is not None:
        frame, descriptors = received
        answer = _answer(frame, descriptors, bounds)
        # First let go of what still holds a descriptor, or it would close a later order's.
        gc.collect()
        os.closerange(CHANNEL + 1, bounds.descriptors)
        send(CHANNEL, answer.model_dump_json(exclude_defaults=True).encode())
    os._exit(0)


def _answer(frame: bytes, descriptors: Sequence[int], bounds: Bounds) -> Answer:
    began = time.process_time()
    _allow_time(began, bounds.cpu_s)
    try:
        answer = _worked(frame, descriptors)
    except Exception as error:  # noqa: BLE001 - the edge where whatever an order met becomes its answer.
        answer = refusal(error, bounds)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return answer.model_copy(
        update={
            "cpu_s": time.process_time() - began,
            "peak_memory_bytes": used.ru_maxrss * 1024,
        }
    )


def _allow_time(used_s: float, cpu_s: int) -> None:
    """Let this order have its own processor time, however much earlier ones took."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(int(used_s) + 1 + cpu_s, hard), hard))


def _worked(frame: bytes, descriptors: Sequence[int]) -> Answer:
    order = _orders.validate_json(frame)
    original, *others = descriptors
    if isinstance(order, ProbeOrder):
        return probe.probe(order, original)
    pictures = others[: len(order.pictures)]
    return render.render(order, original, pictures, others[len(order.pictures) :], _tell)


def _tell(percent: int) -> None:
    send(CHANNEL, word(percent))


def refusal(error: Exception, bounds: Bounds) -> Answer:
    """Turn what stopped an order into its answer: typed where it is understood, else internal."""
    typed = _understood(error, bounds)
    return Answer(
        error=typed.code,
        message=typed.message[:_MAX_MESSAGE],
        limit=typed.limit,
        note="" if typed is error else "".join(traceback.format_exception(error))[-_MAX_NOTE:],
        output=typed.output,
    )


def _understood(error: Exception, bounds: Bounds) -> ImagemillError:
    if isinstance(error, ImagemillError):
        return error
    if isinstance(error, MemoryError) or _says(error, *_OUT_OF_MEMORY):
        return out_of_memory(bounds)
    if getattr(error, "errno", 0) == errno.EFBIG or _says(error, "file too large"):
        return OutputImpossible(
            f"The output grows beyond {bounds.file_bytes} bytes. Ask for a smaller one.",
            limit={"max_output_bytes": bounds.file_bytes},
        )
    return Internal("The work stopped at something unforeseen. It has been noted; try again.")


def out_of_memory(bounds: Bounds) -> MemoryLimit:
    """Say how much memory one child may take."""
    most = bounds.memory_bytes >> 20
    return MemoryLimit(
        f"The work needs more than {most} MB of memory. Ask for less in one job, or send a "
        "smaller picture.",
        limit={"memory_mb": most},
    )


def _says(error: Exception, *words: str) -> bool:
    text = str(error).lower() if isinstance(error, (pyvips.Error, OSError)) else ""
    return any(word in text for word in words)
