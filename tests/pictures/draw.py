"""Draw the test pictures, each named by what it proves: `python -m tests.pictures.draw FOLDER`.

All show the same scene: slopes, hard edges, a disc and some grain, with nothing in it symmetrical,
so that a picture that is turned, mirrored or shifted by a pixel cannot pass for the right one.
The sizes are odd, so that halves must be rounded.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

Levels = NDArray[np.uint8]

WIDTH, HEIGHT = 97, 61
FRAMES, DELAY_MS = 3, 120
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""

# From upright to stored, for each value of the tag; what a viewer does is the way back.
_STORED: Mapping[int, Callable[[Levels], Levels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: np.rot90(upright, -1),
}


@cache
def scene() -> Levels:
    """Give the scene, upright: height x width x 3, sRGB."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = np.stack(
        [40 + across * 1.7, 200 - down * 2.4, 90 + across * 0.6 + down * 0.9], axis=-1
    )
    planes[8:24, 10:40] = (230, 60, 30)
    planes[30:50, 55:62] = (20, 40, 160)
    planes[(across - 75) ** 2 + (down - 18) ** 2 < 120] = (250, 240, 120)
    planes[45:56, 6:30] += 50 * ((across[45:56, 6:30] // 2) % 2)[..., None]
    planes += np.random.default_rng(seed=7).normal(0, 3, planes.shape)
    levels: Levels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    return levels


def opaque() -> bytes:
    """Prove the plain case: three bands, eight bits."""
    return png(scene())


def alpha() -> bytes:
    """Prove that hidden colour stays hidden: what is wholly transparent is bright green below."""
    transparency = np.clip(np.linspace(-80, 330, WIDTH), 0, 255).astype(np.uint8)
    whole = np.dstack([scene(), np.broadcast_to(transparency, (HEIGHT, WIDTH))])
    whole[40:, :20, 3] = 255
    whole[whole[..., 3] == 0] = (0, 255, 0, 0)
    return png(whole)


def grey() -> bytes:
    """Prove that one band is enough."""
    return png(scene()[..., :1])


def grey_alpha() -> bytes:
    """Prove that two bands are grey and alpha."""
    shade = np.where(np.indices((HEIGHT, WIDTH))[1] < WIDTH // 2, 255, 90).astype(np.uint8)
    return png(np.dstack([scene()[..., 1], shade]))


def deep() -> bytes:
    """Prove 16 bits a band, with levels between those that 8 bits can tell apart."""
    levels = scene().astype(np.uint16) * 257
    image = pyvips.Image.new_from_array(levels, interpretation="rgb16")
    return bytes(image.write_to_buffer(".png"))


def deep_grey() -> bytes:
    """Prove 16 bits in one band."""
    levels = scene()[..., :1].astype(np.uint16) * 257
    image = pyvips.Image.new_from_array(levels, interpretation="grey16")
    return bytes(image.write_to_buffer(".png"))


def cmyk() -> bytes:
    """Prove that four inks with a profile come out in the colours that they stand for."""
    image = pyvips.Image.new_from_array(scene(), interpretation="srgb")
    inks = image.icc_transform("cmyk", input_profile="srgb")
    return bytes(inks.write_to_buffer(".jpg", Q=97, subsample_mode="off"))


def photo() -> bytes:
    """Prove the commonest file: a JPEG with coarse colour."""
    return _saved(Image.fromarray(scene()), "JPEG", quality=90)


def held(orientation: int) -> bytes:
    """Prove that a picture stands upright, however the camera was held."""
    stored = Image.fromarray(np.ascontiguousarray(_STORED[orientation](scene())))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return _saved(stored, "JPEG", quality=97, subsampling=0, exif=exif)


def animated_gif() -> bytes:
    """Prove frames: each differs from the last in one place, so that order and number show."""
    frames = [Image.fromarray(frame).quantize(64, dither=Image.Dither.NONE) for frame in moving()]
    return _animated(frames, "GIF", disposal=1)


def animated_webp() -> bytes:
    """Prove frames without loss."""
    return _animated([Image.fromarray(frame) for frame in moving()], "WEBP", lossless=True)


def bordered() -> bytes:
    """Prove what a trim leaves: the scene with 5, 7, 9 and 11 rows of noisy white round it."""
    whole = np.full((HEIGHT + 14, WIDTH + 18, 3), 252, dtype=np.uint8)
    whole[::2, ::3] = 255
    whole[5 : 5 + HEIGHT, 11 : 11 + WIDTH] = scene()
    return png(whole)


def uniform() -> bytes:
    """Prove what happens when there is nothing to see."""
    return png(np.full((HEIGHT, WIDTH, 3), 77, dtype=np.uint8))


def mark() -> bytes:
    """Prove that a mark is laid on with its own transparency."""
    levels = np.zeros((11, 23, 4), dtype=np.uint8)
    levels[...] = (255, 255, 0, 160)
    levels[3:8, 4:19] = (10, 20, 200, 255)
    levels[:3, :3] = (255, 0, 0, 0)
    return png(levels)


def moving() -> list[Levels]:
    """Give the frames of the animations: a white square walks right, and all grows lighter.

    No part of a frame is like that of the next, for encoders leave out frames that are.
    """
    frames = []
    for number in range(FRAMES):
        frame = scene() // 10 * 9 + 8 * number
        frame[26:36, 8 + 20 * number : 18 + 20 * number] = 255
        frames.append(frame)
    return frames


def png(levels: Levels) -> bytes:
    """Write height x width x bands (1 to 4, 8 bits) as a PNG file."""
    return _saved(Image.fromarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels), "PNG")


PICTURES: Mapping[str, Callable[[], bytes]] = {
    "opaque.png": opaque,
    "alpha.png": alpha,
    "grey.png": grey,
    "grey_alpha.png": grey_alpha,
    "deep_16bit.png": deep,
    "deep_grey_16bit.png": deep_grey,
    "cmyk_icc.jpg": cmyk,
    "photo.jpg": photo,
    **{f"orientation_{number}.jpg": partial(held, number) for number in _STORED},
    "animated.gif": animated_gif,
    "animated.webp": animated_webp,
    "bordered.png": bordered,
    "uniform.png": uniform,
    "mark.png": mark,
}


@cache
def picture(name: str) -> bytes:
    """Give the bytes of a test picture; drawn once in a process."""
    return PICTURES[name]()


def main(folder: Path) -> None:
    """Write every picture into a folder, for people to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (folder / name).write_bytes(picture(name))


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _animated(frames: list[Image.Image], form: str, **options: object) -> bytes:
    first, *others = frames
    return _saved(
        first,
        form,
        save_all=True,
        append_images=others,
        duration=DELAY_MS,
        loop=0,
        **options,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
