"""A restored folder is what was backed up, or there is none."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from imagemill.errors import Conflict
from tests.backup.folders import Data, backed_up, checked, files, flip, restored


@pytest.fixture
def backup(data: Data, folder: Path) -> Path:
    """Give a finished backup."""
    backed_up(data, folder)
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Give the place of a data folder that is not there yet."""
    return tmp_path / "elsewhere" / "data"


def test_objects_and_keys_come_back_as_they_were(data: Data, backup: Path, new: Path) -> None:
    restored(backup, new)

    was, found = files(data.path), files(new)
    kept = {name for name in was if name.startswith("objects/") or name.endswith("-key")}
    assert {name: found[name] for name in kept} == {name: was[name] for name in kept}
    assert {name for name in found if name not in kept} == {
        f"databases/{name}.sqlite" for name in ("images", "jobs", "notifications", "users")
    }
    assert (new / "admin-key").stat().st_mode & 0o777 == 0o600
    assert new.stat().st_mode & 0o777 == 0o700


def test_rows_come_back_as_they_were(data: Data, backup: Path, new: Path) -> None:
    restored(backup, new)

    for database, table in (("images", "images"), ("jobs", "results")):
        name = Path("databases", f"{database}.sqlite")
        assert rows(new / name, table) == rows(data.path / name, table) != []


def test_an_empty_folder_is_restored_into(backup: Path, new: Path) -> None:
    new.mkdir(parents=True)

    restored(backup, new)

    assert (new / "databases" / "jobs.sqlite").exists()
    assert [each.name for each in new.parent.iterdir()] == ["data"]


def test_a_folder_with_something_in_it_is_refused(backup: Path, new: Path) -> None:
    new.mkdir(parents=True)
    (new / "thesis.txt").write_text("years of work")

    with pytest.raises(Conflict, match="is not empty"):
        restored(backup, new)

    assert [each.name for each in new.iterdir()] == ["thesis.txt"]


def test_a_mount_point_is_refused(backup: Path) -> None:
    with pytest.raises(Conflict, match="is a mount point"):
        restored(backup, Path("/proc"))


def test_a_backup_without_manifest_is_unfinished_and_refused(backup: Path, new: Path) -> None:
    (backup / "manifest.json").unlink()

    with pytest.raises(Conflict, match="is not a finished backup"):
        restored(backup, new)

    assert not new.exists()


@pytest.mark.parametrize("harm", [flip, Path.unlink])
@pytest.mark.parametrize(
    "kind",
    [
        "objects/originals/*/*",
        "objects/results/*/*",
        "state/*/databases/jobs.sqlite",
        "state/*/keys/admin-key",
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    backup: Path, new: Path, kind: str, harm: Callable[[Path], None]
) -> None:
    harm(next(backup.glob(kind)))

    with pytest.raises(Conflict, match="The backup is damaged"):
        checked(backup)
    with pytest.raises(Conflict, match="The backup is damaged"):
        restored(backup, new)

    assert list(new.parent.iterdir()) == []


def test_an_object_under_a_wrong_key_is_found(backup: Path, new: Path) -> None:
    changed = json.loads((backup / "manifest.json").read_text())
    changed["objects"][0]["key"] += "0"
    (backup / "manifest.json").write_text(json.dumps(changed))

    with pytest.raises(Conflict, match="is not in the manifest"):
        restored(backup, new)


@pytest.mark.parametrize("key", ["../escaped", "/escaped", "a//b", ""])
def test_a_key_that_leads_out_of_the_folder_is_refused(backup: Path, new: Path, key: str) -> None:
    changed = json.loads((backup / "manifest.json").read_text())
    changed["objects"][0]["key"] = key
    (backup / "manifest.json").write_text(json.dumps(changed))

    with pytest.raises(Conflict, match=r"objects\.0\.key"):
        restored(backup, new)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', "\x00"])
def test_a_manifest_that_is_none_is_refused(backup: Path, new: Path, text: str) -> None:
    (backup / "manifest.json").write_text(text)

    with pytest.raises(Conflict, match="is not one that Imagemill"):
        restored(backup, new)


def test_a_manifest_that_is_no_text_is_refused(backup: Path, new: Path) -> None:
    (backup / "manifest.json").write_bytes(b"\xff\xfe")

    with pytest.raises(Conflict, match="cannot be read"):
        restored(backup, new)


def test_a_backup_without_its_mark_is_refused(backup: Path, new: Path) -> None:
    (backup / "imagemill-backup.txt").unlink()

    with pytest.raises(Conflict, match="copy it with the backup"):
        restored(backup, new)


def test_a_backup_that_is_being_written_is_refused(backup: Path, new: Path) -> None:
    with (backup / "imagemill-backup.txt").open() as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)

        with pytest.raises(Conflict, match="is in use"):
            restored(backup, new)


def test_a_damaged_object_is_copied_again_after_it_was_removed(data: Data, backup: Path) -> None:
    damaged = next(backup.glob("objects/originals/*/*"))
    damaged.unlink()

    backed_up(data, backup)

    assert damaged.exists()
    assert len(checked(backup).objects) == 3


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
