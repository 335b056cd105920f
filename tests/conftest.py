"""What every test run does: tell what needs servers, and fail on skips that CI cannot afford."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from _pytest.nodeid import NodeId

pytest_plugins = (
    "pytester",
    "tests.peers.proof",
    "tests.peers.fixtures",
    "tests.peers.engines",
    "tests.peers.stores",
)

# A deadline for each example fails on a busy machine; the timeout of the whole test stays.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

ONE_SYSTEM = frozenset({"attacks", "client"})
"""Tests of such a folder share one system; the folder is done in a minute by one process."""
SERVER_FOLDERS = frozenset({"acceptance", "attacks"})
"""Tests in these folders start the whole system, so `make check` leaves them out."""

SLOW_CALLBACK_S = 1.0
"""A step of the event loop longer than this is a blocking call, on a machine that is not
overloaded; a load of twelve on two cores has shown 1.5 s for a step that blocks nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the acceptance tests be asked to run against several processes, on other engines."""
    add = parser.getgroup("imagemill").addoption
    add("--cluster", action="store_true", help="the system is two of each process behind nginx")
    add(
        "--engine",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="a setting of all its processes, such as queue_url=nats://127.0.0.1; may be repeated",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Load the tests without looking for garbage among them: 8.6 s instead of 11.5 s.

    Measured 2026-11; every process of a run does so.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what lies in a folder of tests that start servers, and keep what shares one together."""
    folders = set(Path(item.path).relative_to(item.config.rootpath).parts)
    if SERVER_FOLDERS & folders:
        item.add_marker(pytest.mark.server)
    if (group := _shared_by(item, folders)) and not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with tests that wait for programs, so that no process ends with a long one alone.

    Within both halves the order stays the random one.
    """
    items.sort(key=lambda item: not (_is_marked(item, "server") or _is_marked(item, "slow")))
    if config.getoption("loadgroup", default=False):
        for item in items:
            _name_group(item)


def pytest_collection_finish() -> None:
    """Leave what all tests share out of every later look for garbage.

    Six thousand tests and their modules are so many objects that a full look takes up to 2 s,
    which slows all tests and reads as a blocked event loop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure in CI, unless the test is marked `may_skip`."""
    report = yield
    allowed = item.get_closest_marker("may_skip") is not None or hasattr(report, "wasxfail")
    if report.skipped and not allowed and _in_ci():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where nothing may be: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure in CI."""
    report = yield
    if report.skipped and _in_ci():
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped as a whole: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _event_loop_is_never_blocked(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    slow = [
        record.getMessage()
        for when in ("setup", "call")
        for record in caplog.get_records(when)
        if record.name == "asyncio" and record.levelno == logging.WARNING
        if _seconds(record) > SLOW_CALLBACK_S * _overload()
    ]
    assert not slow, f"the event loop was blocked: {slow}"


def _shared_by(item: pytest.Item, folders: set[str]) -> str | None:
    """Name those tests that need what `item` needs, and what is started for all of them once.

    A process of its own would start it again for each.
    """
    if found := next(iter(ONE_SYSTEM & folders), None):
        return found
    if not isinstance(item, pytest.Function):
        return None
    fixtures = [each[-1] for each in item._fixtureinfo.name2fixturedefs.values()]
    is_shared = any(each.scope == "module" and each.baseid for each in fixtures)
    return item.nodeid.partition("::")[0] if is_shared else None


def _name_group(item: pytest.Item) -> None:
    """Tell who hands tests out to which group one belongs: by the end of its name.

    xdist 3.8 writes a field that pytest 9.2 no longer reads, so that no group was kept together:
    https://github.com/pytest-dev/pytest-xdist/issues/1386
    """
    names = sorted(str(mark.args[0]) for mark in item.iter_markers("xdist_group"))
    ending = f"@{'_'.join(names)}"
    if names and not item.nodeid.endswith(ending):
        item._id = NodeId.parse(f"{item.nodeid}{ending}")


def _is_marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


def _seconds(record: logging.LogRecord) -> float:
    """Read the duration out of asyncio's `Executing %s took %.3f seconds`."""
    taken = record.args[-1] if isinstance(record.args, tuple) and record.args else 0.0
    return taken if isinstance(taken, float) else 0.0


def _overload() -> float:
    """Tell how many times more wants to run than there are processors; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"
