"""A backup holds what the databases name, and a run that fails harms none before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagemill import __version__
from imagemill.backup.places import DATABASES
from imagemill.backup.records import NAMING
from imagemill.database.migrations import migrations_of
from imagemill.errors import Conflict, InvalidRequest, NotFound, Unavailable
from imagemill.processes import PROCESSES
from tests.backup.folders import Data, backed_up, checked, files, flip, sha256


def test_a_manifest_names_every_file_with_its_size_and_digest(data: Data, folder: Path) -> None:
    backed_up(data, folder)

    manifest = checked(folder)
    named = {str(place): (each.size_bytes, each.sha256) for place, each in manifest.files()}
    named |= {
        f"objects/{each.bucket}/{each.copy_key}": (each.size_bytes, each.sha256)
        for each in manifest.objects
    }
    found = {place: (len(content), sha256(content)) for place, content in files(folder).items()}
    assert named.items() <= found.items()
    assert found.keys() - named.keys() == {"manifest.json", "imagemill-backup.txt"}


def test_a_backup_is_for_its_owner_alone(data: Data, folder: Path) -> None:
    backed_up(data, folder)

    modes = {each.stat().st_mode & 0o777 for each in folder.rglob("*") if each.is_file()}
    assert modes == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_objects_are_copies_and_not_second_names(data: Data, folder: Path) -> None:
    backed_up(data, folder)

    links = {each.stat().st_nlink for each in (folder / "objects").rglob("*") if each.is_file()}
    assert links == {1}
    for original in data.images.values():
        flip(original)
    assert len(checked(folder).objects) == 3


def test_a_second_backup_copies_what_is_new_and_drops_what_is_gone(
    data: Data, folder: Path
) -> None:
    backed_up(data, folder)
    old_image, removed = next(iter(data.images.items()))
    data.execute("images", "DELETE FROM images WHERE id = ?", old_image)
    removed.unlink()
    data.add_image(b"third" * 1000)

    report = backed_up(data, folder)

    assert {each.what: each.files for each in report.new} == {"originals": 1, "results": 0}
    assert removed.name not in {each.key[3:] for each in checked(folder).objects}
    assert len(list((folder / "objects").rglob("*/??/*"))) == 3
    assert len(list((folder / "state").iterdir())) == 1


def test_equal_bytes_are_kept_once(data: Data, folder: Path) -> None:
    data.add_result(b"same" * 100)
    data.add_result(b"same" * 100)

    backed_up(data, folder)

    assert len(checked(folder).objects) == 5
    assert len(list((folder / "objects").rglob("*/??/*"))) == 4


def test_a_result_that_is_gone_is_told_and_is_no_error(data: Data, folder: Path) -> None:
    data.add_result(b"expired").unlink()

    report = backed_up(data, folder)

    assert (report.gone, report.lost) == (1, ())
    assert [each.bucket for each in checked(folder).missing] == ["results"]


@pytest.mark.parametrize("harm", [Path.unlink, flip])
def test_a_lost_original_is_named_and_all_else_is_copied(
    data: Data, folder: Path, harm: object
) -> None:
    image_id, original = next(iter(data.images.items()))
    assert callable(harm)
    harm(original)

    report = backed_up(data, folder)

    assert report.lost == (image_id,)
    assert [each.bucket for each in checked(folder).objects] == ["originals", "results"]


def test_an_original_that_the_disk_cannot_read_is_lost(data: Data, folder: Path) -> None:
    image_id, original = next(iter(data.images.items()))
    original.unlink()
    original.mkdir()

    report = backed_up(data, folder)

    assert report.lost == (image_id,)


def test_an_original_that_is_lost_after_a_backup_stays_in_it(data: Data, folder: Path) -> None:
    backed_up(data, folder)
    next(iter(data.images.values())).unlink()

    report = backed_up(data, folder)

    assert report.lost == ()
    assert len(checked(folder).objects) == 3


def test_an_image_that_its_owner_removes_meanwhile_is_not_lost(data: Data, folder: Path) -> None:
    image_id, original = next(iter(data.images.items()))

    def remove(what: str) -> None:
        if "objects" in what:
            data.execute("images", "DELETE FROM images WHERE id = ?", image_id)
            original.unlink()

    report = backed_up(data, folder, tell=remove)

    assert (report.gone, report.lost) == (1, ())


def test_what_comes_after_the_databases_were_copied_is_left_to_the_next_backup(
    data: Data, folder: Path
) -> None:
    def add(what: str) -> None:
        if "objects" in what:
            data.add_image(b"late")

    backed_up(data, folder, tell=add)

    assert len(checked(folder).objects) == 3


@pytest.mark.parametrize("when", ["databases", "objects"])
def test_a_run_that_fails_leaves_the_backup_before_it_as_it_was(
    data: Data, folder: Path, when: str
) -> None:
    backed_up(data, folder)
    before = files(folder)

    def fail(what: str) -> None:
        if when in what:
            raise Unavailable("on purpose")

    with pytest.raises(Unavailable, match="on purpose"):
        backed_up(data, folder, tell=fail)

    assert files(folder) == before


def test_an_object_that_cannot_be_written_ends_the_run(data: Data, folder: Path) -> None:
    backed_up(data, folder)
    digest = sha256(data.images[data.add_image(b"third")].read_bytes())
    (folder / "objects" / "originals" / digest[:2]).symlink_to("nowhere")

    with pytest.raises(Unavailable, match=f"{folder} cannot be written"):
        backed_up(data, folder)

    assert len(checked(folder).objects) == 3


def test_databases_that_are_not_there_are_left_out(data: Data, folder: Path) -> None:
    (data.path / "databases" / "images.sqlite").unlink()

    backed_up(data, folder)

    manifest = checked(folder)
    assert [each.name for each in manifest.databases] == ["notifications", "jobs", "users"]
    assert [each.bucket for each in manifest.objects] == ["results"]


def test_a_database_that_is_lost_does_not_vanish_from_the_backup(data: Data, folder: Path) -> None:
    backed_up(data, folder)
    (data.path / "databases" / "images.sqlite").unlink()

    with pytest.raises(Conflict, match="holds the database images, which is not in"):
        backed_up(data, folder)

    assert len(checked(folder).objects) == 3


@pytest.mark.parametrize("content", [b"\xff", b"{}"])
def test_a_manifest_that_is_damaged_is_replaced(data: Data, folder: Path, content: bytes) -> None:
    backed_up(data, folder)
    (folder / "manifest.json").write_bytes(content)

    backed_up(data, folder)

    assert len(checked(folder).objects) == 3


def test_a_damaged_database_is_refused(data: Data, folder: Path) -> None:
    path = data.path / "databases" / "users.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:5000] + b"\xff" * (len(content) - 5000))

    with pytest.raises((Conflict, Unavailable), match="users"):
        backed_up(data, folder)

    assert not (folder / "manifest.json").exists()


def test_what_a_killed_run_left_is_taken_up_or_dropped_by_the_next(
    data: Data, folder: Path
) -> None:
    backed_up(data, folder)
    (folder / "manifest.json").unlink()
    (folder / "objects" / "results" / ".draft-0").write_bytes(b"half")

    report = backed_up(data, folder)

    assert {each.files for each in report.new} == {0}
    assert len(list((folder / "state").iterdir())) == 1
    assert not list(folder.rglob(".draft-*"))


def test_a_folder_within_the_data_is_refused(data: Data) -> None:
    with pytest.raises(InvalidRequest, match="lies within the data folder"):
        backed_up(data, data.path / "backup")

    assert not (data.path / "backup").exists()


def test_a_folder_with_something_else_in_it_is_refused(data: Data, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")

    with pytest.raises(Conflict, match="holds something that is no backup"):
        backed_up(data, folder)

    assert [each.name for each in folder.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_refused(data: Data, folder: Path) -> None:
    folder.write_text("a file, and no folder")

    with pytest.raises(Unavailable, match="cannot be written"):
        backed_up(data, folder / "below")


def test_a_data_folder_without_databases_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NotFound, match="There is no data"):
        backed_up(Data(tmp_path), folder)

    assert not folder.exists()


def test_every_database_of_a_process_is_copied() -> None:
    owned = {each.owns for each in PROCESSES if each.owns}

    assert set(DATABASES) == owned


def test_every_table_that_names_objects_is_asked_for_them() -> None:
    packages = {each.owns: each.name for each in PROCESSES if each.owns}
    tables = {
        (database, statement.partition("CREATE TABLE ")[2].split()[0])
        for database, package in packages.items()
        for migration in migrations_of(f"imagemill.{package}")
        for statement in migration.statements
        if "storage_key" in statement and "CREATE TABLE" in statement
    }

    # Those that name what is in work, on its way out, or in another table as well.
    others = {"jobs", "job_outputs", "garbage", "rebuilds", "intakes", "chunks"}
    assert {each for each in tables if each[1] not in others} == {
        ("images", "images"),
        ("jobs", "results"),
    }
    assert set(NAMING) == {"images", "jobs"}


def test_a_manifest_is_json_that_programs_can_read(data: Data, folder: Path) -> None:
    backed_up(data, folder)

    told = json.loads((folder / "manifest.json").read_text())

    assert (told["format"], len(told["objects"])) == (1, 3)
    assert told["version"] == __version__
