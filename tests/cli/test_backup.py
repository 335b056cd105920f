"""What `imagemill backup` and `imagemill restore` say, and with which code they end."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from imagemill.cli.application import run
from tests.backup.folders import Data, flip, made
from tests.cli.programs import IMAGEMILL, LIMIT_S, surroundings


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return made(tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def test_a_backup_says_what_it_copied_and_is_verified_and_restored(
    data: Data, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [
        run(["backup", str(folder), "--data", str(data.path)]),
        run(["backup", "--check", str(folder)]),
        run(["restore", str(folder), "--data", str(tmp_path / "new")]),
    ]

    said = capsys.readouterr().out
    assert codes == [0, 0, 0]
    assert "originals      2  11.0 kB" in said
    assert "Objects copied by this run: 2 originals (11.0 kB), 1 results (6.00 kB)." in said
    for words in (f"Backed up into {folder}", f"{folder} is whole", f"into {tmp_path / 'new'}"):
        assert words in said


def test_a_lost_original_ends_with_1_and_is_named(
    data: Data, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image_id, original = next(iter(data.images.items()))
    original.unlink()

    code = run(["backup", str(folder), "--data", str(data.path)])

    said = capsys.readouterr().err
    assert code == 1
    assert f"are missing or damaged: {image_id}." in said
    assert run(["backup", "--check", str(folder)]) == 0


def test_a_result_that_is_gone_is_told_and_ends_with_0(
    data: Data, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.add_result(b"expired").unlink()

    codes = [
        run(["backup", str(folder), "--data", str(data.path)]),
        run(["restore", str(folder), "--data", str(tmp_path / "new")]),
    ]

    said = capsys.readouterr().err
    assert codes == [0, 0]
    assert "1 objects were removed or replaced meanwhile" in said
    assert "1 objects were not in the backup." in said


def test_a_damaged_backup_is_told_in_one_line(
    data: Data, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["backup", str(folder), "--data", str(data.path)])
    flip(next(folder.glob("objects/originals/*/*")))
    capsys.readouterr()

    code = run(["restore", str(folder), "--data", str(tmp_path / "new")])

    last = capsys.readouterr().err.splitlines()[-1]
    assert (code, last.partition(":")[0]) == (1, "The backup is damaged")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("backup", "{data}/inside", "--data", "{data}"), 2, "lies within the data folder"),
        (("backup", "{folder}", "--data", "{folder}"), 1, "There is no data in"),
        (("backup", "/proc/nowhere", "--data", "{data}"), 1, "/proc/nowhere cannot be written"),
        (("backup", "--check", "{folder}"), 1, "is not a finished backup"),
        (("restore", "{data}", "--data", "{folder}"), 1, "is not a finished backup"),
        (("restore", "{folder}", "--data", "{data}"), 1, "is not empty"),
    ],
)
def test_a_refusal_is_one_line(
    data: Data,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    ended_with = run([each.format(data=data.path, folder=folder) for each in arguments])

    said = capsys.readouterr().err
    assert ended_with == code
    assert words in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_next_run_goes_on(data: Data, folder: Path) -> None:
    # A limit on the size of files is the nearest to a full disk that needs no disk of its own.
    data.add_image(b"large" * 400_000)
    command = shlex.join([*IMAGEMILL, "backup", str(folder), "--data", str(data.path)])

    full, again = (
        subprocess.run(
            ["bash", "-c", f"{limit}; {command}"],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        for limit in ("ulimit -f 500", "true")
    )

    assert full.returncode == 1
    assert f"There is no room left in {folder}; make room and start again." in full.stderr
    assert again.returncode == 0
    assert "Objects copied by this run: 1 originals" in again.stdout
