"""Formats that Pillow reads and libvips does not: BMP, ICO, JPEG 2000; and HEIC by an extra.

Pillow holds the whole picture in memory, so the limits of size stand between opening and loading.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyvips
from PIL import Image, UnidentifiedImageError

from imagemill.contracts.facts import Format
from imagemill.errors import Corrupt, MemoryLimit, TooManyPixels, Truncated, UnsupportedFormat

NAMES = {Format.BMP: "BMP", Format.ICO: "ICO", Format.JP2: "JPEG2000", Format.HEIC: "HEIF"}
"""Formats read here, by Pillow's name for each; no other of its decoders is ever tried."""

SAFE_LIBHEIF = (1, 23, 2)
"""The first libheif without CVE-2026-84383, which runs code of the file's choosing."""


def register() -> None:
    """Load the decoders of `NAMES`, so that nothing has to be imported behind the lock."""
    # Icons hold PNGs, and Pillow's reader of EXIF is its reader of TIFF.
    for plugin in ("Bmp", "Ico", "Png", "Jpeg2K", "Tiff"):
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    Image.preinit()
    if reads_heic():
        importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)


def reads_heic() -> bool:
    """Tell whether the `heic` extra is installed with a libheif that is safe to use."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    found: str = importlib.import_module("pillow_heif").libheif_version()
    return tuple(int(part) for part in found.split(".")[:3]) >= SAFE_LIBHEIF


@contextmanager
def opened(original: int, found: Format, max_pixels: int) -> Iterator[Image.Image]:
    """Read the header behind an open descriptor, by the one decoder of this format.

    Pillow itself refuses what declares absurdly many pixels; then `max_pixels` is named. Yields
    the picture with its pixels not yet loaded. Whatever the decoder stumbles over, then or while
    the block runs, is raised as a refusal.
    """
    if found is Format.HEIC and not reads_heic():
        raise UnsupportedFormat(
            "HEIC is not read here. Install the extra `heic`, or send JPEG, PNG, WebP or AVIF."
        )
    with os.fdopen(os.dup(original), "rb") as file, _refusals(found, max_pixels), _quiet():
        file.seek(0)
        with Image.open(file, formats=[NAMES[found]]) as picture:
            yield picture


def loaded(picture: Image.Image) -> pyvips.Image:
    """Decode the pixels and hand them to libvips, as grey or RGB with or without alpha."""
    mode = _mode(picture)
    plain = picture if picture.mode == mode else picture.convert(mode)
    image = pyvips.Image.new_from_memory(
        plain.tobytes(), plain.width, plain.height, len(mode), "uchar"
    )
    return image.copy(interpretation="b-w" if mode == "L" else "srgb")


def has_alpha(picture: Image.Image) -> bool:
    """Tell from the header whether there will be a band of transparency."""
    return _mode(picture) == "RGBA"


def _mode(picture: Image.Image) -> str:
    if picture.mode in {"1", "L", "I", "I;16", "F"}:
        return "L"
    return "RGBA" if picture.has_transparency_data else "RGB"


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out Pillow's warnings: limits are checked here, and each decoder's last word counts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _refusals(found: Format, max_pixels: int) -> Iterator[None]:
    name = found.value.upper()
    try:
        yield
    except Image.DecompressionBombError as error:
        raise _too_many(name, str(error), max_pixels) from error
    except UnidentifiedImageError as error:
        raise Corrupt(f"The {name} cannot be read: its header contradicts the format.") from error
    except MemoryError as error:
        raise MemoryLimit(f"The {name} needs more memory than one child may take.") from error
    except (OSError, EOFError) as error:
        ends = "truncated" in str(error) or isinstance(error, EOFError)
        kind = Truncated if ends else Corrupt
        raise kind(f"The {name} cannot be decoded: {str(error)[:200]}.") from error
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, struct.error) as error:
        raise Corrupt(f"The {name} cannot be decoded: its parts contradict each other.") from error


def _too_many(name: str, said: str, max_pixels: int) -> TooManyPixels:
    declared = re.search(r"\((\d+) pixels\)", said)
    pixels = int(declared[1]) if declared else None
    return TooManyPixels(
        f"The {name} declares {pixels or 'too many'} pixels; at most {max_pixels} are taken.",
        limit={"max_pixels": max_pixels, "pixels": pixels},
    )
