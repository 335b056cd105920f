"""Look libvips' operations up before the first fork, so that no child pays for it.

The first use of an operation sets its class up and reads its parameters: 2 ms of a fresh child's
first picture (measured 2026-11). All 288 of them take 31 ms and 1.5 MB once, here. Nothing is run,
so no thread is started and the process can still be forked safely.
"""

from __future__ import annotations

from contextlib import suppress

import pyvips
from pyvips.voperation import Introspect


def introspect() -> int:
    """Look every operation up and count them."""
    found = 0
    for name in sorted(_names()):
        # Classes that only group others, and operations that are blocked, cannot be looked up.
        with suppress(pyvips.Error):
            Introspect.get(name)
            found += 1
    return found


def _names() -> set[str]:
    names: set[str] = set()

    def add(kind: int, _first: object, _second: object) -> object:
        names.add(pyvips.nickname_find(kind))
        pyvips.type_map(kind, add)
        return pyvips.ffi.NULL

    pyvips.type_map(pyvips.type_from_name("VipsOperation"), add)
    return names
