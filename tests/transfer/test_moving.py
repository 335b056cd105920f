"""A transfer moves all of it, goes on where it was ended, and changes nothing at its source."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from imagemill.backup.lock import serving
from imagemill.errors import Conflict, InvalidRequest, NotFound, Unavailable
from imagemill.transfer.moving import PARTS
from imagemill.transfer.report import Fault, Moved
from imagemill.transfer.surveying import ROWS_AT_ONCE
from imagemill.uploads import words
from tests.backup.folders import Data, flip, made, sha256
from tests.transfer.moves import ask, kept, looked_at, moved, objects, objects_brought, rows

CHUNK = "INSERT INTO chunks VALUES (?, 'upload', 0, ?, ?)"
UPLOAD = """
INSERT INTO uploads (id, owner, kind, status, created_at, expires_at)
VALUES ('upload', 'admin', 'resumable', 'open', 0, 0)
"""


def keep_chunk(data: Data, key: str, content: bytes, *, is_measured: bool) -> Path:
    """Keep a part of an upload that is not complete."""
    path = data.path / "objects" / "originals" / key
    path.parent.mkdir()
    path.write_bytes(content)
    known = (len(content), sha256(content)) if is_measured else (None, None)
    data.execute("images", UPLOAD)
    data.execute("images", CHUNK, key, *known)
    return path


def test_all_rows_and_objects_arrive_and_the_source_is_as_it_was(data: Data, new: Path) -> None:
    before = kept(data.path)

    report = moved(data.path, new)

    assert rows(new) == rows(data.path)
    assert objects(new) == objects(data.path)
    assert kept(data.path) == before
    assert Moved("originals", 2, 11_000) in report.moved
    assert Moved("images.images", 2) in report.moved
    assert report.broken == ()
    assert report.unnamed == ()


def test_what_a_killed_server_left_in_its_log_moves_too(data: Data, new: Path) -> None:
    with contextlib.closing(data.connect("users")) as held:
        held.execute("PRAGMA wal_autocheckpoint = 0")
        held.execute("INSERT INTO accounts (id, created_at) VALUES ('late', 7)")
        held.commit()
        assert (data.path / "databases" / "users.sqlite-wal").stat().st_size > 0

        moved(data.path, new)

    assert ask(new, "users", "SELECT created_at FROM accounts WHERE id = 'late'") == [(7.0,)]


def test_numbers_go_on_after_the_last_that_was_given(data: Data, new: Path) -> None:
    event = "INSERT INTO events (job_id, owner, type, at) VALUES ('j', 'admin', 'job.queued', 0)"
    for _ in range(3):
        data.execute("jobs", event)
    data.execute("jobs", "DELETE FROM events WHERE seq > 1")

    moved(data.path, new)

    Data(new).execute("jobs", event)
    assert ask(new, "jobs", "SELECT seq FROM events") == [(1,), (4,)]


def test_images_are_found_by_their_words(data: Data, new: Path) -> None:
    last = next(reversed(data.images))
    data.execute("images", "UPDATE images SET number = 5, name = 'Noon.jpg' WHERE id = ?", last)
    data.execute("images", "INSERT INTO image_texts VALUES (?, 'ocr', 'harbour')", last)

    moved(data.path, new)

    found = "SELECT rowid FROM image_words WHERE image_words MATCH ?"
    for word in ("noon", "harbour"):
        (term,) = words.word_terms("admin", [word])
        assert ask(new, "images", found, f'"{term}"') == [(5,)]


def test_parts_of_uploads_under_way_move(data: Data, new: Path) -> None:
    keep_chunk(data, "aa/chunk", b"half of it", is_measured=True)

    moved(data.path, new)

    assert (new / "objects/originals/aa/chunk").read_bytes() == b"half of it"


def test_what_a_signed_url_brought_moves_although_no_row_has_its_digest(
    data: Data, new: Path
) -> None:
    keep_chunk(data, "aa/sent", b"all of it", is_measured=False)

    moved(data.path, new)

    assert (new / "objects/originals/aa/sent").read_bytes() == b"all of it"


def test_what_a_signed_url_has_not_brought_yet_is_not_missing(data: Data, new: Path) -> None:
    keep_chunk(data, "aa/sent", b"", is_measured=False).unlink()

    assert moved(data.path, new).broken == ()


def test_the_queue_stays_where_it_is(data: Data, new: Path) -> None:
    data.execute("queue", "INSERT INTO messages (topic, body, visible_at) VALUES ('jobs', 'x', 0)")

    moved(data.path, new)

    assert not (new / "databases" / "queue.sqlite").exists()


def test_objects_that_no_row_names_are_told_and_not_copied(data: Data, new: Path) -> None:
    stray = data.path / "objects" / "results" / "zz"
    stray.mkdir()
    (stray / "stray").write_bytes(b"whose?")
    (stray / ".draft-1").write_bytes(b"half")
    (stray / "going").write_bytes(b"on its way out")
    data.execute("jobs", "INSERT INTO garbage VALUES ('zz/going', 0)")

    report = moved(data.path, new)

    assert report.unnamed == ("results/zz/stray",)
    assert not (new / "objects/results/zz").exists()


@pytest.mark.parametrize(("harm", "fault"), [(Path.unlink, Fault.MISSING), (flip, Fault.DAMAGED)])
def test_a_broken_original_is_named_and_all_else_moves(
    data: Data, new: Path, harm: object, fault: Fault
) -> None:
    image_id, original = next(iter(data.images.items()))
    assert callable(harm)
    harm(original)

    report = moved(data.path, new)

    assert [(each.one.image_id, each.fault) for each in report.lost] == [(image_id, fault)]
    assert rows(new) == rows(data.path)
    assert len(objects(new)) == 2


def test_a_broken_result_is_no_loss(data: Data, new: Path) -> None:
    flip(data.add_result(b"can be made again"))

    report = moved(data.path, new)

    assert [each.fault for each in report.broken] == [Fault.DAMAGED]
    assert report.lost == ()


def test_a_second_run_has_nothing_to_do(data: Data, new: Path) -> None:
    moved(data.path, new)
    Data(new).execute("users", "INSERT INTO accounts (id, created_at) VALUES ('new', 9)")
    before = kept(new)

    report = moved(data.path, new)

    assert report.was_finished_at == 1_000.0
    assert looked_at(data.path, new).was_finished_at == 1_000.0
    assert kept(new).keys() == before.keys()
    assert ask(new, "users", "SELECT id FROM accounts") == [("new",)]


@pytest.mark.parametrize("part", PARTS)
def test_a_run_that_ends_anywhere_is_finished_by_the_next(data: Data, new: Path, part: str) -> None:
    def end(name: str, _: str, __: float) -> None:
        if name == part:
            raise Unavailable("on purpose")

    with pytest.raises(Unavailable, match="on purpose"):
        moved(data.path, new, tell=end)

    report = moved(data.path, new)

    assert report.was_finished_at is None
    assert rows(new) == rows(data.path)
    assert objects(new) == objects(data.path)


def test_a_survey_tells_what_would_move_and_makes_nothing(data: Data, new: Path) -> None:
    before = kept(data.path)

    report = looked_at(data.path, new)

    assert {each.what: each.count for each in report.moved} == {
        "jobs.results": 1,
        "images.images": 2,
        "images.image_numbers": 1,
        "originals": 2,
        "results": 1,
    }
    assert report.obstacles == ()
    assert not new.exists()
    assert kept(data.path) == before


def test_a_target_that_holds_something_else_is_refused(data: Data, new: Path) -> None:
    other = made(new)
    other.execute("users", "INSERT INTO accounts (id, created_at) VALUES ('other', 9)")
    before = rows(new)

    with pytest.raises(Conflict, match="The table accounts of the database users holds 1 rows"):
        moved(data.path, new)

    assert rows(new) == before
    assert len(looked_at(data.path, new).obstacles) == 3


def test_a_target_that_is_filled_from_another_source_is_refused(
    data: Data, new: Path, tmp_path: Path
) -> None:
    other = made(tmp_path / "other")
    other.execute("users", "INSERT INTO accounts (id, created_at) VALUES ('admin', 9)")
    moved(other.path, new)

    for restart in (False, True):
        with pytest.raises(Conflict, match="is being filled from another installation"):
            moved(data.path, new, restart=restart)

    assert rows(new) == rows(other.path)


def test_a_source_that_changed_meanwhile_needs_a_new_beginning(data: Data, new: Path) -> None:
    def end(name: str, _: str, __: float) -> None:
        if name == "objects":
            raise Unavailable("on purpose")

    with pytest.raises(Unavailable):
        moved(data.path, new, tell=end)
    data.add_image(b"late" * 100)

    with pytest.raises(Conflict, match="images of the database images has changed"):
        moved(data.path, new)
    moved(data.path, new, restart=True)

    assert rows(new) == rows(data.path)
    assert objects(new) == objects(data.path)


def test_a_target_that_something_else_writes_into_is_not_called_equal(
    data: Data, new: Path
) -> None:
    def write(name: str, _: str, __: float) -> None:
        if name == "objects":
            with contextlib.suppress(Exception):
                Data(new).execute("users", "INSERT INTO accounts (id, created_at) VALUES ('x', 9)")

    with pytest.raises(Conflict, match=r"not what the source is: users\.accounts"):
        moved(data.path, new, tell=write)


def test_an_object_that_is_spoiled_on_arrival_is_copied_again(data: Data, new: Path) -> None:
    def spoil(name: str, _: str, part: float) -> None:
        if name == "objects" and part == 1.0:
            for each in (new / "objects").rglob("*/??/*"):
                flip(each)

    report = moved(data.path, new, tell=spoil)

    assert report.broken == ()
    assert objects(new) == objects(data.path)


def test_a_source_that_a_server_uses_is_refused(data: Data, new: Path) -> None:
    with serving(data.path):
        with pytest.raises(Conflict, match=f"{data.path} is in use by a server"):
            moved(data.path, new)
        obstacles = looked_at(data.path, new).obstacles

    assert "in use by a server" in obstacles[0]
    assert rows(new)["images.images"] == []


def test_what_a_finished_transfer_filled_is_never_emptied(data: Data, new: Path) -> None:
    moved(data.path, new)
    Data(new).execute("users", "INSERT INTO accounts (id, created_at) VALUES ('new', 9)")
    before = rows(new)

    with pytest.raises(Conflict, match="has finished, and a system may live on it since"):
        moved(data.path, new, restart=True)

    assert rows(new) == before


def test_a_new_beginning_empties_more_than_one_batch(data: Data, new: Path) -> None:
    for number in range(2 * ROWS_AT_ONCE + 1):
        data.execute("jobs", "INSERT INTO garbage VALUES (?, 0)", f"zz/{number}")

    def end(name: str, _: str, __: float) -> None:
        if name == "objects":
            raise Unavailable("on purpose")

    with pytest.raises(Unavailable):
        moved(data.path, new, tell=end)
    data.execute("jobs", "DELETE FROM garbage WHERE storage_key <> 'zz/7'")
    moved(data.path, new, restart=True)

    assert rows(new) == rows(data.path)


@pytest.mark.parametrize(("harm", "fault"), [(Path.unlink, Fault.MISSING), (flip, Fault.DAMAGED)])
def test_a_broken_original_is_told_when_objects_are_copied_before(
    data: Data, new: Path, harm: object, fault: Fault
) -> None:
    image_id, original = next(iter(data.images.items()))
    assert callable(harm)
    harm(original)

    report = objects_brought(data.path, new)

    assert [(each.one.image_id, each.fault) for each in report.lost] == [(image_id, fault)]
    assert len(objects(new)) == 2


def test_objects_can_be_copied_before_while_the_server_runs(data: Data, new: Path) -> None:
    with serving(data.path):
        report = objects_brought(data.path, new)

    assert report.moved == (Moved("originals", 2, 11_000), Moved("results", 1, 6_000))
    assert objects(new) == objects(data.path)


def test_a_target_that_a_server_uses_is_refused(data: Data, new: Path) -> None:
    new.mkdir()

    with serving(new), pytest.raises(Conflict, match=f"{new} is in use by a server"):
        moved(data.path, new)


def test_a_folder_of_another_version_is_refused(data: Data, new: Path) -> None:
    data.execute("jobs", "DELETE FROM schema_migrations WHERE number = 9")

    with pytest.raises(Conflict, match=r"The database jobs in .* is not of this version"):
        moved(data.path, new)


def test_a_folder_that_lacks_a_database_is_refused(data: Data, new: Path) -> None:
    (data.path / "databases" / "jobs.sqlite").unlink()

    with pytest.raises(Conflict, match="has no database jobs"):
        moved(data.path, new)


def test_a_folder_without_data_is_refused(tmp_path: Path, new: Path) -> None:
    with pytest.raises(NotFound, match="There is no data in"):
        moved(tmp_path, new)


def test_moving_a_folder_into_itself_is_refused(data: Data) -> None:
    with pytest.raises(InvalidRequest, match="The settings keep everything in"):
        moved(data.path, data.path)
