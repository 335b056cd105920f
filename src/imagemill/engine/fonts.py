"""Fonts and the texts drawn with them, ready before the sandbox closes.

Font files are mapped into memory, not read: a mapped font costs address space until a text uses
it, and needs no file afterwards. Pillow (FreeType, with Raqm where it is there) draws, for pango,
which libvips would use, opens files while it draws. Text is drawn as it stands: there is no markup
in it, so nothing needs escaping.
"""

from __future__ import annotations

import io
import math
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyvips
from PIL import Image, ImageDraw, ImageFont, features

from imagemill.errors import OutputImpossible

if TYPE_CHECKING:
    from imagemill.colour import Colour

BUILT_IN = "default"
"""Name of the font that Pillow carries; it is always there."""
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
MAX_FILES = 200
"""Font files mapped at most, in alphabetical order; the zygote keeps a descriptor for each."""
MAX_BYTES = 128 * 2**20
"""Address space that all fonts together may take: an eighth of what a child gets by default."""
MAX_TEXT_SIDE_PX = 10_000
MAX_TEXT_PIXELS = 25_000_000
"""A text larger than this is refused before it is drawn: one byte of memory a pixel, and more."""

_SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
_PLAIN_STYLES = frozenset({"regular", "book", "roman", "normal", "medium"})


@dataclass(frozen=True)
class Fonts:
    """The fonts that texts can be drawn with, by lower-case name."""

    files: Mapping[str, mmap.mmap]

    @property
    def names(self) -> tuple[str, ...]:
        """List every name that is known, the built-in one first."""
        return (BUILT_IN, *sorted(self.files))

    def loaded(self, name: str, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """Open a font at a size; raises `OutputImpossible` with the known names for any other."""
        wanted = name.strip().lower()
        if wanted == BUILT_IN:
            return ImageFont.load_default(size_px)
        if wanted not in self.files:
            raise OutputImpossible(
                f"There is no font {name!r:.60} here; known are {', '.join(self.names)}."
            )
        return ImageFont.truetype(io.BytesIO(self.files[wanted][:]), size_px)


@cache
def preload(folders: Iterable[Path] = FOLDERS) -> Fonts:
    """Map the fonts of the system's folders, and wake up everything that drawing loads late.

    To be called once before the process is locked; later calls answer the same fonts. A file that
    cannot be read as a font is left out.
    """
    features.check("raqm")
    ImageDraw.Draw(Image.new("L", (8, 8))).text((0, 0), "A", font=ImageFont.load_default(8))
    files: dict[str, mmap.mmap] = {}
    room = MAX_BYTES
    for path in _font_files(folders)[:MAX_FILES]:
        mapped = _mapped(path, room)
        names = _names(mapped) if mapped else ()
        if mapped and names:
            room -= len(mapped)
            files |= {name: mapped for name in names if name not in files}
    return Fonts(files)


def drawn(text: str, *, font: str, size_px: int, colour: Colour) -> pyvips.Image:
    """Draw a text, lines parted by line feeds, as an sRGB image with alpha as large as its ink.

    Raises `OutputImpossible` for an unknown font, a text without ink (only blanks), and a text
    that would take more than 10,000 pixels across or down, or 25 megapixels.
    """
    opened = preload().loaded(font, size_px)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=opened
    )
    width, height = math.ceil(right - left) + 1, math.ceil(bottom - top) + 1
    _check_size(width, height)
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).multiline_text((-left, -top), text, font=opened, fill=255)
    ink = mask.getbbox()
    if ink is None:
        raise OutputImpossible(
            "A text of blanks leaves nothing to draw; write something that has ink."
        )
    return _coloured(mask.crop(ink), colour)


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_TEXT_SIDE_PX or width * height > MAX_TEXT_PIXELS:
        raise OutputImpossible(
            f"The text would be {width} x {height} pixels; at most {MAX_TEXT_SIDE_PX} a side and"
            f" {MAX_TEXT_PIXELS} in all are drawn. Choose a smaller size, or a shorter text.",
            limit={"limit_side_px": MAX_TEXT_SIDE_PX, "limit_pixels": MAX_TEXT_PIXELS},
        )


def _coloured(mask: Image.Image, colour: Colour) -> pyvips.Image:
    width, height = mask.size
    ink = pyvips.Image.new_from_memory(mask.tobytes(), width, height, 1, "uchar")
    opacity = ((ink * (colour.alpha / 255)) + 0.5).floor().cast("uchar")
    plane = opacity.new_from_image([colour.red, colour.green, colour.blue]).cast("uchar")
    return plane.bandjoin(opacity).copy(interpretation="srgb")


def _font_files(folders: Iterable[Path]) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    )


def _mapped(path: Path, room: int) -> mmap.mmap | None:
    try:
        with path.open("rb") as file:
            fits = 0 < path.stat().st_size <= room
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if fits else None
    except OSError:
        return None


def _names(mapped: mmap.mmap) -> tuple[str, ...]:
    """Give the names that a font answers to: family and style, and the family of a plain style."""
    try:
        family, style = ImageFont.truetype(io.BytesIO(mapped[:]), 10).getname()
    except OSError:
        return ()
    name, kind = (family or "").lower(), (style or "").lower()
    full = f"{name} {kind}".strip()
    return tuple(filter(None, (name, full) if kind in _PLAIN_STYLES else (full,)))
