"""Which adapter passed which suite on which version of which server: told by the test run itself.

A fixture that opens an adapter says so with `proves`; `pytest --adapters FILE` writes the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_PROPERTY: Final = "proves"
_TITLE: Final = """# Adapters and the servers that they were tested on

Written by the test run (`make adapters`). Every adapter of a port passes the port's one suite in
`tests/contracts/`, against the server named here, started for the run.

| port | adapter | server | passed | failed | skipped |
|---|---|---|---:|---:|---:|
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a test says about an adapter."""

    port: str
    adapter: str
    server: str
    """Name and version of what it spoke to, as the server itself tells it."""


def proves(request: pytest.FixtureRequest, proof: Proof) -> None:
    """Count the test that asks for this in the table of adapters."""
    said = (proof.port, proof.adapter, proof.server)
    request.node.user_properties.append((_PROPERTY, said))


def server_mark(name: str) -> list[pytest.MarkDecorator]:
    """Mark what needs a server of its own: those tests share one process, so the server too."""
    return [pytest.mark.server, pytest.mark.xdist_group(name)]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file that the table goes to."""
    parser.addoption("--adapters", metavar="FILE", help="write the table of adapters to this file")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the table, where it was asked for."""
    path = terminalreporter.config.getoption("--adapters")
    if path:
        Path(path).write_text(_TITLE + "".join(_rows(terminalreporter)), encoding="utf-8")


def _rows(reporter: pytest.TerminalReporter) -> Iterator[str]:
    counts: defaultdict[Proof, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome in ("passed", "failed", "skipped"):
        for proof in _proofs(reporter.getreports(outcome)):
            counts[proof][outcome] += 1
    for proof, seen in sorted(counts.items(), key=lambda each: str(each[0])):
        yield (
            f"| {proof.port} | `{proof.adapter}` | {proof.server} "
            f"| {seen['passed']} | {seen['failed']} | {seen['skipped']} |\n"
        )


def _proofs(reports: Iterable[pytest.TestReport]) -> Iterator[Proof]:
    for report in reports:
        if report.when == "call" or report.skipped:
            found = [said for name, said in report.user_properties if name == _PROPERTY]
            yield from (Proof(*map(str, each)) for each in found if isinstance(each, list | tuple))
