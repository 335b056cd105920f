"""How the sandbox's three programs talk: notes between parent and zygote, frames with a child.

A note is one packet of JSON, at most one descriptor beside it. A frame is a length of four bytes
and that many bytes of JSON; the descriptors of an order travel beside its first byte. Before its
answer a child may say how far it is, each time with a frame of one byte, which no JSON of ours is.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from imagemill.engine.layers import Layer
from imagemill.engine.lock import Bounds

MAX_DESCRIPTORS = 200
"""Descriptors beside one order; the kernel's limit is 253."""
MAX_FRAME_BYTES = 8_000_000
"""Longest frame that either side takes."""
NOTE_BYTES = 65_536
"""Longest note between parent and zygote."""
_PIECE_BYTES = 262_144
_LENGTH = struct.Struct("!I")
_WHOLE = 100


class Nonsense(ValueError):
    """Tell that the other side says what it cannot mean."""


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fork(_Note):
    """Ask the zygote for a child; its end of a socket pair comes beside the note."""

    say: Literal["fork"] = "fork"
    child: int
    """Number that the parent gave; never used twice for one zygote."""


class Kill(_Note):
    """Ask the zygote to kill a child, by number, so that no reused process id is hit."""

    say: Literal["kill"] = "kill"
    child: int


class Ready(_Note):
    """Tell that the zygote has loaded everything and can fork."""

    say: Literal["ready"] = "ready"
    threads: int
    """Threads of the zygote; forking is safe with one only."""


class Broken(_Note):
    """Tell why the zygote, or one of its children, could not start."""

    say: Literal["broken"] = "broken"
    child: int | None = None
    reason: str


class Forked(_Note):
    """Tell the process id of a new child."""

    say: Literal["forked"] = "forked"
    child: int
    pid: int


class Ended(_Note):
    """Tell how a child ended, after it was reaped."""

    say: Literal["ended"] = "ended"
    child: int
    status: int
    """As `os.wait4` gives it."""
    cpu_s: float
    peak_memory_bytes: int


Note = Annotated[Fork | Kill | Ready | Broken | Forked | Ended, Field(discriminator="say")]
notes: TypeAdapter[Note] = TypeAdapter(Note)
"""Reads any note from its JSON."""


class Hello(_Note):
    """Tell, as a child's first frame, that it is locked in, and by which layers."""

    layers: tuple[Layer, ...] = ()
    broken: str = ""
    """Why it could not lock itself in; empty where it could."""


class Plan(_Note):
    """What a zygote must know at its start, given as its only argument."""

    control: int
    """Descriptor of its end of the control socket."""
    bounds: Bounds


def framed(body: bytes) -> bytes:
    """Put the length before a frame's body."""
    return _LENGTH.pack(len(body)) + body


def body_length(head: bytes | bytearray) -> int | None:
    """Read how long the body will be; None until the whole head has come."""
    if len(head) < _LENGTH.size:
        return None
    length: int = _LENGTH.unpack_from(head)[0]
    if length > MAX_FRAME_BYTES:
        raise Nonsense(f"A frame of {length} bytes; at most {MAX_FRAME_BYTES} are taken.")
    return length


def body(received: bytearray) -> bytes | None:
    """Take the first frame's body out of what has come so far; None until all of it has come."""
    length = body_length(received)
    if length is None or len(received) < _LENGTH.size + length:
        return None
    taken = bytes(received[_LENGTH.size : _LENGTH.size + length])
    del received[: _LENGTH.size + length]
    return taken


def word(percent: int) -> bytes:
    """Make the body that says how far an order is, 1 to 99."""
    return bytes([percent])


def progress(said: bytes, *, after: int) -> int | None:
    """Read how far an order is, out of a body; None where the body is an answer.

    Raises `Nonsense` unless the number is above the one before and below 100: so there are no more
    than 99 of them, and however fast they come, they cost little.
    """
    if len(said) != 1:
        return None
    if not after < said[0] < _WHOLE:
        raise Nonsense(f"{said[0]} % after {after} %.")
    return said[0]


def receive(channel: socket.socket) -> tuple[bytes, Sequence[int]] | None:
    """Wait for one frame and its descriptors; None when the other side has gone.

    Blocks, and makes no system call but `recvmsg`: the locked child may make no other here.
    """
    received, descriptors = bytearray(), list[int]()
    while (whole := body(received)) is None:
        piece, beside, _, _ = channel.recvmsg(
            _PIECE_BYTES, socket.CMSG_SPACE(4 * MAX_DESCRIPTORS), socket.MSG_CMSG_CLOEXEC
        )
        if not piece:
            return None
        received += piece
        descriptors += _descriptors(beside)
    return whole, descriptors


def send(descriptor: int, frame: bytes) -> None:
    """Write a whole frame with nothing beside it; blocks, and makes no call but `write`."""
    left = memoryview(framed(frame))
    while left:
        left = left[os.write(descriptor, left) :]


def tell(control: socket.socket, note: _Note, *beside: int) -> None:
    """Send one note; raises `OSError` when the other side has gone or does not read."""
    socket.send_fds(control, [note.model_dump_json().encode()], list(beside))


def hear(control: socket.socket) -> tuple[Note, Sequence[int]] | None:
    """Take one note and what came beside it; None when the other side has gone."""
    packet, descriptors, _, _ = socket.recv_fds(control, NOTE_BYTES, 1)
    return (notes.validate_json(packet), descriptors) if packet else None


def _descriptors(beside: Sequence[tuple[int, int, bytes]]) -> list[int]:
    return [
        number
        for level, kind, data in beside
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (number,) in struct.iter_unpack("=i", data)
    ]
