"""A disk that fails is told in words, and leaves nothing half written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from imagemill.backup import files
from imagemill.errors import ImagemillError, Unavailable


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room left in saved;"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "There is no room left in saved;"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written: Read-only file sys"),
        (Unavailable("The database cannot be copied."), "cannot be written: The database cannot"),
        (OSError("of some kind"), "cannot be written: of some kind"),
    ],
)
def test_what_a_disk_says_becomes_words(reason: Exception, words: str) -> None:
    said = files.unwritable(Path("saved"), reason)

    assert words in said.message


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), Unavailable("full")])
def test_a_block_that_cannot_write_says_where(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(ImagemillError, match=str(tmp_path)), files.written_to(tmp_path):
        raise error


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(IsADirectoryError):
        files.write(tmp_path / "taken", b"content")

    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
