"""Pictures drawn for one test: small, real files, each unlike any that was drawn before."""

from __future__ import annotations

import io
import uuid

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def scene(width: int = 64, height: int = 48, bands: int = 3) -> Image.Image:
    """Draw slopes with grain on them; the grain is new each time."""
    grain = np.random.default_rng(uuid.uuid4().int)
    down, across = np.mgrid[0:height, 0:width]
    slopes = np.stack([across * 200 / width, down * 200 / height, (across + down) % 180], axis=-1)
    levels = slopes + grain.integers(0, 50, slopes.shape)
    if bands == 4:
        levels = np.dstack([levels, np.full((height, width), 128)])
    return Image.fromarray(levels.astype(np.uint8))


def jpeg(width: int = 64, height: int = 48, *, orientation: int = 1) -> bytes:
    """Draw a photo as a camera would write it."""
    exif = Image.Exif()
    if orientation != 1:
        exif[ORIENTATION] = orientation
    return written(scene(width, height), "JPEG", quality=90, exif=exif)


def png(width: int = 64, height: int = 48, *, bands: int = 3) -> bytes:
    """Draw a PNG, with alpha where four bands are wanted."""
    return written(scene(width, height, bands), "PNG")


def gif(frames: int = 3) -> bytes:
    """Draw an animation."""
    drawn = [scene() for _ in range(frames)]
    return written(drawn[0], "GIF", save_all=True, append_images=drawn[1:], duration=100, loop=0)


def large() -> bytes:
    """Draw a picture whose file has more than 9 MB, too many to be held until it is checked."""
    return written(scene(2000, 1600), "TIFF")


def opened(data: bytes) -> Image.Image:
    """Decode a file with a decoder that is not the one under test."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def written(picture: Image.Image, format_: str, **options: object) -> bytes:
    """Encode a picture into memory."""
    with io.BytesIO() as file:
        picture.save(file, format_, **options)
        return file.getvalue()
