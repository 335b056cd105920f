"""Try every way out of the sandbox, each in a process of its own, and print what came of it.

Run as a program: `python -I ways_out.py locked|free FOLDER`. `free` does the same without the
lock, to show that each way really is one.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imagemill.engine.lock import Bounds, Filter, lock

BOUNDS = Bounds(memory_bytes=1 << 30, cpu_s=5, life_cpu_s=5, file_bytes=1_000_000)
ALLOW_ANY_TRACER = 0x59616D61  # PR_SET_PTRACER
SEIZE = 0x4206  # PTRACE_SEIZE
SET_DUMPABLE = 4  # PR_SET_DUMPABLE
NEW_USER = 0x10000000  # CLONE_NEWUSER
READ_WRITE, READ_EXECUTE, PRIVATE_NAMELESS = 3, 5, 0x22

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mmap.restype = ctypes.c_void_p
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


@dataclass(frozen=True)
class World:
    """What lies outside and could be reached."""

    folder: Path
    port: int
    """Somebody listens there."""
    channel: socket.socket
    """The one socket that a locked process keeps."""

    def write(self) -> None:
        """Write a file."""
        (self.folder / "new").write_text("x")

    def tcp(self) -> None:
        """Connect to a port on this machine."""
        with socket.socket() as caller:
            caller.connect(("127.0.0.1", self.port))

    def udp(self) -> None:
        """Send a datagram to a port on this machine."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("127.0.0.1", self.port))

    def unix(self) -> None:
        """Connect to a socket in the file system."""
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(self.folder / "unix"))

    def pass_on(self) -> None:
        """Give a descriptor to whoever is on the other side."""
        socket.send_fds(self.channel, [b"x"], [0])

    def own_signals(self) -> None:
        """Let the kernel signal the parent on behalf of a descriptor."""
        fcntl.fcntl(self.channel, fcntl.F_SETOWN, os.getppid())


def checked(answer: int) -> None:
    """Raise what a C function refused."""
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def fork() -> None:
    """Make another process."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def map_code() -> None:
    """Map memory that may be executed."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def protect_code() -> None:
    """Make memory executable that was not."""
    page = libc.mmap(None, 4096, READ_WRITE, PRIVATE_NAMELESS, -1, 0)
    checked(libc.mprotect(page, 4096, READ_EXECUTE))


def change_a_limit() -> None:
    """Choose another number of open files."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, hard))


def ways(world: World) -> dict[str, Callable[[], object]]:
    """Name every way out."""
    return {
        "open a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "read the environment": lambda: os.open("/proc/self/environ", os.O_RDONLY),
        "write a file": world.write,
        "connect by TCP": world.tcp,
        "send by UDP": world.udp,
        "connect to a unix socket": world.unix,
        "execute a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - so it is.
        "fork": fork,
        "signal the parent": lambda: os.kill(os.getppid(), 0),
        "trace the parent": lambda: checked(libc.ptrace(SEIZE, os.getppid(), None, None)),
        "ask whether a file exists": lambda: Path("/etc/shadow").stat(),
        "list a folder": lambda: list(Path("/").iterdir()),
        "make a nameless file": lambda: os.memfd_create("more"),
        "pass a descriptor on": world.pass_on,
        "own a descriptor's signals": world.own_signals,
        "map executable memory": map_code,
        "make memory executable": protect_code,
        "change a limit": change_a_limit,
        "be dumpable again": lambda: checked(libc.prctl(SET_DUMPABLE, 1, 0, 0, 0)),
        "make a name space": lambda: checked(libc.unshare(NEW_USER)),
    }


def outcome(way: Callable[[], object], calls: Filter | None) -> str:
    """Try one way in a fork and tell: `escaped`, `refused` or `killed`."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        return "killed" if os.WIFSIGNALED(status) else ("escaped", "refused")[status >> 8]
    try:
        if calls is not None:
            lock(BOUNDS, calls, parent=parent)
        way()
    except OSError:
        os._exit(1)
    os._exit(0)


def main(mode: str, folder: Path) -> None:
    """Try all of them, beside a port and a socket that really listen."""
    libc.prctl(ALLOW_ANY_TRACER, ctypes.c_ulong(2**64 - 1), 0, 0, 0)
    channel, other_side = socket.socketpair()
    with (
        channel,
        other_side,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(str(folder / "unix"))
        unix.listen()
        world = World(folder, listener.getsockname()[1], channel)
        calls = Filter.of(channel.fileno()) if mode == "locked" else None
        found = {name: outcome(way, calls) for name, way in ways(world).items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
