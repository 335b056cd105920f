"""`imagemill transfer` as people run it: what it says, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.backup.lock import serving
from tests.backup.folders import Data, made
from tests.cli.programs import imagemill

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return made(tmp_path / "data")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def test_a_survey_counts_what_would_move(data: Data, new: Path) -> None:
    said = imagemill("transfer", "--from", data.path, "--data", new, "--dry-run")

    assert said.code == 0, said.err
    assert [line.split(maxsplit=2) for line in said.out.splitlines()[:-1]] == [
        ["what", "count", "size"],
        ["jobs.results", "1"],
        ["images.images", "2"],
        ["images.image_numbers", "1"],
        ["originals", "2", "11.0 kB"],
        ["results", "1", "6.00 kB"],
    ]
    assert said.out.endswith("was not changed, nor anything made.\n")
    assert not new.exists()


def test_a_survey_that_finds_an_obstacle_ends_with_1(data: Data, new: Path) -> None:
    with serving(data.path):
        said = imagemill("transfer", "--from", data.path, "--data", new, "--dry-run")

    assert said.code == 1
    assert "is in use by a server or another transfer; stop that" in said.err


def test_what_moved_is_told_with_what_to_do_next(data: Data, new: Path) -> None:
    stray = data.path / "objects" / "results" / "zz"
    stray.mkdir()
    (stray / "stray").write_bytes(b"whose?")

    said = imagemill("transfer", "--from", data.path, "--data", new)

    assert said.code == 0, said.err
    assert "rows and objects are the same at both ends." in said.out
    assert f"{data.path} is as it was: keep it until you trust the new one" in said.out
    assert "images: 3 of 3\n" in said.err
    assert "users: nothing\n" in said.err
    assert "rows compared: 4 of 4\n" in said.err
    assert "objects compared: 3 of 3\n" in said.err
    assert "no row names stay where they are: 1 (results/zz/stray)." in said.err
    assert f"The keys stay in {data.path}" in said.err


def test_keys_go_with_it_for_their_owner_alone(data: Data, new: Path, tmp_path: Path) -> None:
    said = imagemill("transfer", "--from", data.path, "--data", new, "--keys", tmp_path / "keys")

    names = ("admin-key", "service-key")
    assert f"Keys in {tmp_path / 'keys'}: {', '.join(names)}.\n" in said.out
    for name in names:
        copy = tmp_path / "keys" / name
        assert copy.read_bytes() == (data.path / name).read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o600


def test_another_key_is_never_replaced(data: Data, new: Path) -> None:
    new.mkdir()
    (new / "service-key").write_text("somebody's")

    said = imagemill("transfer", "--from", data.path, "--data", new, "--keys", new)

    assert said.code == 1
    assert f"{new / 'service-key'} is another key than that of {data.path}" in said.err
    assert not (new / "admin-key").exists()
    assert (new / "service-key").read_text() == "somebody's"


def test_a_lost_original_is_named_and_the_exit_code_is_1(data: Data, new: Path) -> None:
    image_id, original = next(iter(data.images.items()))
    original.unlink()
    data.add_result(b"gone").unlink()

    said = imagemill("transfer", "--from", data.path, "--data", new)

    assert said.code == 1
    assert f"the originals of these images were not: {image_id} (missing)." in said.err
    assert "1 objects that can be made again were missing or damaged." in said.err


def test_objects_are_copied_ahead(data: Data, new: Path) -> None:
    with serving(data.path):
        said = imagemill("transfer", "--from", data.path, "--data", new, "--objects")

    assert said.code == 0, said.err
    assert said.out.endswith("Stop the old system, and go on.\n")
    assert len([each for each in (new / "objects").rglob("*") if each.is_file()]) == 3


def test_a_lost_original_fails_the_copy_ahead_too(data: Data, new: Path) -> None:
    image_id, original = next(iter(data.images.items()))
    original.unlink()

    said = imagemill("transfer", "--from", data.path, "--data", new, "--objects")

    assert said.code == 1
    assert f"the originals of these images were not: {image_id} (missing)." in said.err


def test_moving_a_folder_into_itself_is_wrong_usage(data: Data) -> None:
    said = imagemill("transfer", "--from", data.path, "--data", data.path)

    assert said.code == 2
    assert "IMAGEMILL_DATABASE_URL, IMAGEMILL_STORAGE_URL or --data" in said.err
