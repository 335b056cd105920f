"""Numbers of the system calls that the filter speaks of, on each machine it knows.

A call that a machine does not have (`open` on aarch64) is missing from its table.
Source: Linux `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_BOTH = """
read 0 63            write 1 64             readv 19 65           writev 20 66
pread64 17 67        pwrite64 18 68         lseek 8 62            close 3 57
fstat 5 80           dup 32 23              fcntl 72 25           ioctl 16 29
ppoll 271 73         mmap 9 222             mprotect 10 226       munmap 11 215
mremap 25 216        madvise 28 233         brk 12 214            ftruncate 77 46
rt_sigaction 13 134  rt_sigprocmask 14 135  rt_sigreturn 15 139   sigaltstack 131 132
sched_yield 24 124   sched_getaffinity 204 123                    sched_getscheduler 145 120
sched_getparam 143 121                      nanosleep 35 101      clock_nanosleep 230 115
clock_gettime 228 113                       clock_getres 229 114  gettimeofday 96 169
times 100 153        getrusage 98 165       getpid 39 172         gettid 186 178
getuid 102 174       geteuid 107 175        getgid 104 176        getegid 108 177
exit 60 93           exit_group 231 94      futex 202 98          set_tid_address 218 96
set_robust_list 273 99                      eventfd2 290 19       getrandom 318 278
rseq 334 293         membarrier 324 283     getcpu 309 168        recvmsg 47 212
restart_syscall 219 128                     clone 56 220          clone3 435 435
close_range 436 436
prctl 157 167        prlimit64 302 261      tgkill 234 131        seccomp 317 277
openat 257 56        faccessat 269 48       faccessat2 439 439    statx 332 291
readlinkat 267 78    getdents64 217 61      getcwd 79 17          unlinkat 263 35
newfstatat 262 79    memfd_create 319 279   pipe2 293 59          uname 63 160
sysinfo 99 179       fadvise64 221 223      get_mempolicy 239 236
"""

_X86_64_ONLY = """
poll 7    fork 57    vfork 58    open 2    access 21    stat 4    lstat 6    readlink 89
unlink 87
"""


@dataclass(frozen=True)
class Machine:
    """One processor family as the kernel's filter sees it."""

    audit: int
    """What the kernel calls the family, so that a call of another one can be told apart."""
    numbers: Mapping[str, int]
    compatible_from: int | None = None
    """First number of a second table that shares the family's name (x32), refused altogether."""


def _columns(text: str, column: int, width: int) -> dict[str, int]:
    words = text.split()
    return {words[at]: int(words[at + column]) for at in range(0, len(words), width)}


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(
        audit=0xC000003E,
        numbers=_columns(_BOTH, 1, 3) | _columns(_X86_64_ONLY, 1, 2),
        compatible_from=0x40000000,
    ),
    "aarch64": Machine(audit=0xC00000B7, numbers=_columns(_BOTH, 2, 3)),
}
"""Machines by the name that `os.uname` gives them."""
