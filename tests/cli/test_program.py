"""What the program says without any work: help, versions, and every wrong word."""

from __future__ import annotations

import subprocess
import sys
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path

import pytest

from imagemill.cli.application import COMMANDS, run
from tests.cli.programs import draw, imagemill

HEAVY = {"httpx2", "fastapi", "uvicorn", "rich", "sqlite3", "pyvips", "PIL", "structlog"}


def test_the_version_is_that_of_the_package() -> None:
    said = imagemill("--version")

    assert (said.code, said.out) == (0, f"imagemill {version('imagemill')}\n")


def test_the_help_names_every_command_and_what_it_does() -> None:
    said = imagemill("--help")

    commands = [command.__name__.replace("_", "-") for command in COMMANDS]
    assert [name for name in commands if f"\n  {name} " not in said.out] == []
    assert "..." not in said.out.partition("Commands:")[2]


def test_the_help_loads_nothing_heavy() -> None:
    script = "import sys, imagemill.cli.application; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50
    )

    assert HEAVY & set(loaded.stdout.split()) == set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("process", "{picture}", "--resize", "400"), "--resize: '400' is not a size"),
        (("process", "{picture}", "--step", "blr"), "result.0.op: is not an operation"),
        (("process", "{picture}", "--step", "blur sigma=x"), "result.0.sigma"),
        (("process", "{picture}", "--fit", "cover"), "--fit: says how to resize"),
        (("process", "{picture}", "--colour", "red"), "No such option"),
        (("process",), "Missing argument"),
        (("process", "{picture}", "--pipeline", "gone.json"), "does not exist"),
        (("serve", "painter"), "there is no such service"),
        (("serve", "--port", "99999"), "65535"),
        (("serve", "worker"), "IMAGEMILL_PEERS_JOBS"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    picture = draw(tmp_path / "photo.png")

    with chdir(tmp_path):
        code = run([each.format(picture=picture) for each in arguments])

    said = capsys.readouterr().err
    assert code == 2
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("process", "gone.png"), "No such file or folder (gone.png)."),
        (("process", "."), "There are no pictures in ."),
        (("operations", "resise"), "There is no operation resise. Did you mean resize?"),
        (("key",), "holds no key that you may read"),
        (("job", "x", "--server", "nonsense"), "nonsense is not an address"),
        (
            ("job", "x", "--server", "http://127.0.0.1:1"),
            "No server is ready at http://127.0.0.1:1",
        ),
    ],
)
def test_a_failure_is_one_line_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    with chdir(tmp_path):
        code = run(arguments)

    said = capsys.readouterr().err
    assert code == 1
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_variable_that_is_no_setting_is_named_with_its_neighbour(tmp_path: Path) -> None:
    said = imagemill("key", cwd=tmp_path, IMAGEMILL_PROT="8001")

    assert (said.code, "Did you mean IMAGEMILL_PORT?" in said.err) == (2, True)


def test_a_traceback_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    said = imagemill("--traceback", "key", cwd=tmp_path)

    assert said.code == 1
    assert "Traceback (most recent call last)" in said.err
