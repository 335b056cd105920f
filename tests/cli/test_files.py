"""Which files go in, and what their results are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.cli.files import Source, find, format_of, names_a_file, target_of


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _named(sources: list[Source], root: Path) -> list[str]:
    return [str(source.path.relative_to(root)) for source in sources]


def test_a_folder_is_walked_for_pictures_and_nothing_else(tmp_path: Path) -> None:
    _touch(tmp_path, "b.JPG", "a.png", "notes.txt", ".hidden.png", "deep/er/c.webp", ".git/d.png")

    sources = find([tmp_path], without=tmp_path / "out")

    assert _named(sources, tmp_path) == ["a.png", "b.JPG", "deep/er/c.webp"]
    assert sources[2].below == Path("deep/er")


def test_results_of_an_earlier_run_are_not_worked_again(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "out/a.webp")

    sources = find([tmp_path], without=tmp_path / "out")

    assert _named(sources, tmp_path) == ["a.png"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    (tmp_path / "again").symlink_to(tmp_path)

    sources = find([tmp_path], without=tmp_path / "out")

    assert _named(sources, tmp_path) == ["a.png"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    _touch(tmp_path, "scan.dat")

    sources = find([tmp_path / "scan.dat"], without=tmp_path / "out")

    assert [source.stem for source in sources] == ["scan"]


def test_a_file_named_twice_is_worked_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")

    assert len(find([tmp_path / "a.png", tmp_path / "a.png", tmp_path], without=tmp_path)) == 1


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        find([tmp_path / "gone.png"], without=tmp_path / "out")


def test_two_pictures_of_one_name_keep_their_suffix_in_it(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "a.jpg", "b.jpg", "sub/a.png")

    stems = {str(s.path.relative_to(tmp_path)): s.stem for s in find([tmp_path], without=tmp_path)}

    assert stems == {"a.png": "a-png", "a.jpg": "a-jpg", "b.jpg": "b", "sub/a.png": "a"}


def test_a_tree_keeps_its_shape() -> None:
    source = Source(Path("photos/summer/a.jpg"), Path("summer"), "a")

    target = target_of(source, Path("out"), is_file=False)

    assert target.path("result", "webp", only=True) == Path("out/summer/a.webp")
    assert target.path("small", "jpeg", only=False) == Path("out/summer/a-small.jpg")
    assert target.path("facts", "json", only=False) == Path("out/summer/a-facts.json")


def test_a_single_result_may_be_named_itself(tmp_path: Path) -> None:
    source = Source(Path("a.jpg"), Path(), "a")
    wanted = tmp_path / "thumb.webp"

    assert names_a_file(wanted, [source])
    assert target_of(source, wanted, is_file=True).path("result", "webp", only=True) == wanted
    assert not names_a_file(wanted, [source, source])
    assert not names_a_file(tmp_path / "thumbs", [source])


def test_a_folder_with_a_suffix_is_still_a_folder(tmp_path: Path) -> None:
    (tmp_path / "old.png").mkdir()

    assert not names_a_file(tmp_path / "old.png", [Source(Path("a.jpg"), Path(), "a")])


@pytest.mark.parametrize(
    ("name", "known"), [("a.jpg", "jpeg"), ("a.JPE", "jpeg"), ("a.tif", "tiff"), ("a.webp", "webp")]
)
def test_a_suffix_promises_a_format(name: str, known: str) -> None:
    assert format_of(Path(name)) == known
