"""A locked process has no way out: each is tried for real, and works where nothing is locked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagemill.engine.crew import check
from imagemill.engine.layers import Layer, State
from imagemill.engine.lock import Filter
from imagemill.engine.settings import Mode
from imagemill.errors import Unavailable

HERE = Path(__file__).parent
WAYS = (
    "open a file",
    "read the environment",
    "write a file",
    "connect by TCP",
    "send by UDP",
    "connect to a unix socket",
    "execute a program",
    "fork",
    "signal the parent",
    "trace the parent",
    "ask whether a file exists",
    "list a folder",
    "make a nameless file",
    "pass a descriptor on",
    "own a descriptor's signals",
    "map executable memory",
    "make memory executable",
    "change a limit",
    "be dumpable again",
    "make a name space",
)
NOT_EVERYWHERE = {"ask whether a file exists", "make a name space", "trace the parent"}
"""Ways that some machines bar by themselves, so that being free proves nothing there."""


def tried(mode: str) -> Mapping[str, str]:
    """Try every way out, locked or free."""
    # Its own folder, short enough for the address of a unix socket and open to nobody's user.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-I", str(HERE / "ways_out.py"), mode, folder],
            stdout=subprocess.PIPE,
            check=True,
            timeout=40,
        )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def locked() -> Mapping[str, str]:
    return tried("locked")


@pytest.fixture(scope="module")
def free() -> Mapping[str, str]:
    return tried("free")


@pytest.mark.parametrize("way", WAYS)
def test_a_locked_process_has_no_way_out(way: str, locked: Mapping[str, str]) -> None:
    assert locked[way] in {"refused", "killed"}


@pytest.mark.parametrize("way", [way for way in WAYS if way not in NOT_EVERYWHERE])
def test_each_way_out_is_one_where_nothing_is_locked(way: str, free: Mapping[str, str]) -> None:
    assert free[way] == "escaped"


def test_no_way_out_goes_untested(locked: Mapping[str, str]) -> None:
    assert set(locked) == set(WAYS)


@pytest.mark.parametrize(
    "way",
    ["connect by TCP", "send by UDP", "connect to a unix socket", "execute a program"],
)
def test_reaching_for_the_outside_kills(way: str, locked: Mapping[str, str]) -> None:
    assert locked[way] == "killed"


@pytest.mark.parametrize("way", ["open a file", "ask whether a file exists", "fork"])
def test_what_libraries_do_by_themselves_is_only_refused(
    way: str, locked: Mapping[str, str]
) -> None:
    assert locked[way] == "refused"


def test_a_machine_without_a_table_gets_no_filter() -> None:
    calls = Filter.of(3, "vax")

    assert calls.machine is None
    assert calls.compiled == b""


def test_a_required_sandbox_names_the_layer_that_is_missing() -> None:
    layers = [
        Layer(name="seccomp", state=State.ON),
        Layer(name="nobody", state=State.NOT_NEEDED),
        Layer(name="landlock", state=State.OFF, note="Function not implemented"),
    ]

    with pytest.raises(Unavailable, match=r"lacks: landlock \(Function not implemented\)"):
        check(layers, Mode.REQUIRED)


def test_an_automatic_sandbox_starts_without_a_layer() -> None:
    check([Layer(name="landlock", state=State.OFF)], Mode.AUTO)
