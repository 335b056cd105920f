"""`imagemill accounts` and `rotate-keys`, on the machine itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from imagemill.cli.application import run
from tests.cli.programs import IMAGEMILL, LIMIT_S, Said, surroundings

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nonly the first line counts\n")
    return file


@pytest.fixture
def accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Said]]:
    """Run a command within this process: starting it anew each time costs a second."""

    def run_one(*arguments: str | Path) -> Said:
        code = run(["accounts", *map(str, arguments), "--data", str(tmp_path / "data")])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    yield run_one
    structlog.reset_defaults()  # A command sets how much is logged, for its whole process.


def test_accounts_are_made_listed_and_changed_without_a_server(
    accounts: Callable[..., Said], password: Path
) -> None:
    first = accounts("set-password", "ada@example.com", "--password-file", password)
    made = accounts("add", "bob@example.com", "--password-file", password)
    role = accounts("role", "BOB@example.com", "operator")
    disabled = accounts("disable", "bob@example.com")
    listed = json.loads(accounts("list", "--json").out)

    assert first.out == "admin  ada@example.com  admin  ready\n"
    assert made.out.endswith("  bob@example.com  user  ready\n")
    assert role.out.endswith("  bob@example.com  operator  ready\n")
    assert disabled.out.endswith("  bob@example.com  operator  disabled\n")
    assert [(each["email"], each["role"], each["disabled"]) for each in listed] == [
        ("ada@example.com", "admin", False),
        ("bob@example.com", "operator", True),
    ]
    assert accounts("enable", "bob@example.com").out.endswith("  ready\n")


def test_what_cannot_be_done_is_one_line(accounts: Callable[..., Said], password: Path) -> None:
    given = ("--password-file", password)
    accounts("set-password", "ada@example.com", *given)

    tries = {
        ("set-password", "eve@example.com", *given): (1, "No account has the address"),
        ("add", "ada@example.com", *given): (1, "has an account already"),
        ("add", "nobody", *given): (2, "email: is no mail address"),
        ("add", "eve@example.com", "--role", "king", *given): (2, "There is no role 'king'"),
        ("role", "ada@example.com", "user"): (1, "The first account stays an admin"),
        ("disable", "eve@example.com"): (1, "No account has the address eve@example.com"),
    }
    said = {arguments: accounts(*arguments) for arguments in tries}

    for arguments, (code, words) in tries.items():
        assert said[arguments].code == code
        assert words in said[arguments].err
        assert len(said[arguments].err.splitlines()) == 1


def test_a_password_is_taken_from_standard_input_too(tmp_path: Path) -> None:
    command = [*IMAGEMILL, "accounts", "set-password", "ada@example.com", "--data", str(tmp_path)]

    piped = _run([*command, "--password-file", "-"], PASSWORD)

    assert piped.returncode == 0
    assert PASSWORD not in piped.stdout + piped.stderr


def test_a_new_key_signs_and_the_old_one_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [run(["rotate-keys", "--data", str(tmp_path)]) for _ in range(2)]

    lines = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    for ring, name in (("Access tokens", "token-keys"), ("URLs", "url-keys")):
        said = [line.split()[-1][:-1] for line in lines if line.startswith(ring)]
        kept = json.loads((tmp_path / name).read_text())["keys"]
        assert [each["id"] for each in kept[:2]] == said[::-1]
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_keys_that_others_have_copies_of_sign_later(tmp_path: Path) -> None:
    assert run(["make-keys", str(tmp_path / "keys")]) == 0

    rotated = subprocess.run(
        [*IMAGEMILL, "rotate-keys"],
        env={**surroundings(), "IMAGEMILL_KEYS_FOLDER": str(tmp_path / "keys")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert rotated.stdout.count("in 600 s") == 2


def _run(command: list[str], told: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=told,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
