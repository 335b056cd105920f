"""Which files go in and what their results are called: decided before any work is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff", ".gif"),
        *(".bmp", ".ico", ".jp2", ".heic", ".heif", ".svg"),
    ]
)
"""What a walk through a folder takes; a file that is named itself is always taken."""
_SUFFIX_OF = {"jpeg": ".jpg", "tiff": ".tif"}


@dataclass(frozen=True, slots=True)
class Source:
    """One picture to work on."""

    path: Path
    below: Path
    """Folder below the output folder, so that a tree keeps its shape."""
    stem: str
    """What its results are called, without a suffix; no two sources of a folder share one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the results of one source go."""

    folder: Path
    stem: str
    exact: Path | None = None
    """The whole path, where the caller named the file itself."""

    def path(self, output: str, result_format: str, *, only: bool) -> Path:
        """Name the file of one output; the output's name is in it unless it is the only one."""
        if self.exact:
            return self.exact
        suffix = _SUFFIX_OF.get(result_format, f".{result_format}")
        return self.folder / (f"{self.stem}{suffix}" if only else f"{self.stem}-{output}{suffix}")


def find(paths: Iterable[Path], *, without: Path) -> list[Source]:
    """Find pictures: files as they are named, folders walked, the output folder left out.

    Raises `FileNotFoundError` for a path that is not there. Hidden files and links to folders are
    not walked.
    """
    found = dict.fromkeys(pair for path in paths for pair in _one(path, without.resolve()))
    shared = Counter((below, path.stem) for path, below in found)
    return [Source(path, below, _stem(path, shared[below, path.stem] > 1)) for path, below in found]


def target_of(source: Source, output: Path, *, is_file: bool) -> Target:
    """Say where a source's results go: into a folder, or to the one file that was named."""
    folder = output.parent if is_file else output / source.below
    return Target(folder, source.stem, output if is_file else None)


def names_a_file(output: Path, sources: Sequence[Source]) -> bool:
    """Tell whether `-o` means a file: one source, a picture's suffix, and no such folder."""
    return len(sources) == 1 and output.suffix.lower() in SUFFIXES and not output.is_dir()


def format_of(path: Path) -> str:
    """Name the format that a suffix promises, such as `jpeg` for `.jpg`."""
    suffix = path.suffix.lower().removeprefix(".")
    return {"jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "tif": "tiff"}.get(suffix, suffix)


def _one(path: Path, without: Path) -> Iterator[tuple[Path, Path]]:
    if path.is_dir():
        yield from ((file, file.parent.relative_to(path)) for file in _walk(path, without))
    elif path.exists():
        yield path, Path()
    else:
        raise FileNotFoundError(2, "No such file or folder", str(path))


def _walk(folder: Path, without: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.resolve() == without:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, without)
        elif entry.is_file() and entry.suffix.lower() in SUFFIXES:
            yield entry


def _stem(path: Path, shared: bool) -> str:  # noqa: FBT001 - private, and it reads as a statement
    return f"{path.stem}-{path.suffix.removeprefix('.')}" if shared else path.stem
