"""In CI a skipped test is a failed one, unless it says that it may be skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFTEST = (
    (Path(__file__).parents[1] / "conftest.py")
    .read_text(encoding="utf-8")
    .replace('    *("tests.peers.proof", "tests.peers.fixtures", "tests.peers.engines"),\n', "")
    # Plugins that these runs do without.
)
SETTINGS = "[pytest]\nmarkers =\n  server: ...\n  may_skip(reason): ...\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makefile(".ini", pytest=SETTINGS)
    return pytester


def run(project: pytest.Pytester, test: str, *, ci: str) -> pytest.RunResult:
    project.makepyfile(f"import pytest\n\n{test}")
    environment = (f"CI={ci}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    return project.run("env", *environment, *command)


def test_a_skip_fails_in_ci(project: pytest.Pytester) -> None:
    result = run(project, "def test_it():\n    pytest.skip('no server')\n", ci="true")

    result.assert_outcomes(failed=1)


def test_the_skip_of_a_whole_module_fails_in_ci(project: pytest.Pytester) -> None:
    result = run(project, "pytest.skip('no server', allow_module_level=True)\n", ci="true")

    result.assert_outcomes(errors=1)


def test_a_skip_that_is_allowed_stays_one_in_ci(project: pytest.Pytester) -> None:
    test = (
        "@pytest.mark.may_skip('no such kernel')\ndef test_it():\n    pytest.skip('old kernel')\n"
    )

    result = run(project, test, ci="true")

    result.assert_outcomes(skipped=1)


def test_a_skip_stays_one_on_a_persons_machine(project: pytest.Pytester) -> None:
    result = run(project, "def test_it():\n    pytest.skip('no server')\n", ci="")

    result.assert_outcomes(skipped=1)
