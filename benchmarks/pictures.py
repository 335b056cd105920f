"""The photographs that every system is given: a folder's own, or ones that are drawn here."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_DRAWN_PX = ((4000, 3000), (3264, 2448), (2560, 1920), (2048, 1536))
_GRAINS = ((128, 90), (24, 50), (3, 24), (1, 6))
"""Octaves of noise, as pixels per grain and strength: about as hard to code as a photo."""
_TWELVE_MEGAPIXELS = range(11_000_000, 13_000_001)
_MARKS = itertools.count()
_SALT = os.urandom(8)


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG file, kept in memory so that sending it reads no disk."""

    path: Path
    width: int
    height: int
    content: bytes

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    def unseen(self) -> tuple[bytes, memoryview]:
        """Give the file in two pieces with a new comment in it, so that no cache knows its bytes.

        The comment follows the start-of-image marker; the pixels stay as they were, nothing is
        copied.
        """
        comment = _SALT + next(_MARKS).to_bytes(8)
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment
        return b"\xff\xd8" + segment, memoryview(self.content)[2:]


@dataclass(frozen=True, slots=True)
class Album:
    """The photographs of a run."""

    mixed: tuple[Photo, ...]
    """Every JPEG of the folder, in order of name."""
    large: tuple[Photo, ...]
    """Those of 12 megapixels; where there are none, the largest."""


def album(folder: Path | None, drawn: Path) -> Album:
    """Take every JPEG of a folder; with no folder, draw some into `drawn` once."""
    paths = sorted(folder.glob("*.jpg")) if folder else _drawn(drawn)
    photos = tuple(map(_photo, paths))
    if not photos:
        raise FileNotFoundError(f"There is no .jpg file in {folder}.")
    return Album(photos, _large(photos))


def cycle(photos: Sequence[Photo], count: int) -> Iterator[Photo]:
    """Give the photographs in turn, `count` in all."""
    return itertools.islice(itertools.cycle(photos), count)


def _photo(path: Path) -> Photo:
    with Image.open(path) as picture:
        width, height = picture.size
    return Photo(path.resolve(), width, height, path.read_bytes())


def _large(photos: Sequence[Photo]) -> tuple[Photo, ...]:
    found = tuple(photo for photo in photos if photo.pixels in _TWELVE_MEGAPIXELS)
    return found or (max(photos, key=lambda photo: photo.pixels),)


def _drawn(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _draw(folder / f"drawn_{width}x{height}.jpg", width, height) for width, height in _DRAWN_PX
    ]


def _draw(path: Path, width: int, height: int) -> Path:
    if not path.exists():
        bands = [_band(width, height) for _ in range(3)]
        Image.merge("RGB", bands).save(path, quality=92)
    return path


def _band(width: int, height: int) -> Image.Image:
    band = Image.linear_gradient("L").resize((width, height))
    for grain_px, strength in _GRAINS:
        noise = Image.effect_noise((width // grain_px + 1, height // grain_px + 1), strength)
        band = Image.blend(band, noise.resize((width, height), Image.Resampling.BICUBIC), 0.4)
    return band
