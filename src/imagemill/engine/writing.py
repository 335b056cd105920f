"""Write frames as a file, with only so much of the original's metadata as is asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import pyvips

KEPT = {"exif": 1, "xmp": 2, "iptc": 4, "icc": 8}
"""The bits of libvips' `VipsForeignKeep`."""
_POSITION_FIELDS = ("exif-ifd3-", "exif-ifd2-MakerNote")
"""EXIF's GPS directory; and the makers' notes, into which some cameras write positions too."""
_XMP_FIELD = "xmp-data"
_XMP_POSITION = re.compile(
    rb"<exif:GPS(\w+)[^>]*/>|<exif:GPS(\w+)[^>]*>.*?</exif:GPS\2>|\sexif:GPS\w+=(?:\"[^\"]*\"|'[^']*')",
    re.DOTALL,
)


def joined(
    frames: Sequence[pyvips.Image], *, delays_ms: Sequence[int] = (), loops: int = 0
) -> pyvips.Image:
    """Put frames below each other, as libvips takes an animation; one frame stays as it is."""
    if len(frames) == 1:
        return frames[0]
    roll = pyvips.Image.arrayjoin(list(frames), across=1).copy()
    roll.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    roll.set_type(pyvips.GValue.gint_type, "loop", loops)
    if delays_ms:
        roll.set_type(pyvips.GValue.array_int_type, "delay", list(delays_ms))
    return roll


def stripped(image: pyvips.Image, keep: Collection[str], *, gps: bool) -> pyvips.Image:
    """Take out what says where a picture was made, unless `gps` is asked for."""
    if gps or not keep:
        return image
    bare = image.copy()
    for field in bare.get_fields():
        if field.startswith(_POSITION_FIELDS):
            bare.remove(field)
    if bare.get_typeof(_XMP_FIELD):
        xmp = _XMP_POSITION.sub(b"", bare.get(_XMP_FIELD))
        bare.set_type(pyvips.GValue.blob_type, _XMP_FIELD, xmp)
    return bare


def write(
    image: pyvips.Image, target: int, saver: str, keep: Collection[str], **options: object
) -> None:
    """Write with a libvips saver, such as `jpegsave`, to an open descriptor."""
    flags = sum(KEPT[word] for word in keep)
    output = pyvips.Target.new_to_descriptor(target)
    pyvips.Operation.call(f"{saver}_target", image, output, keep=flags, **options)


def encoded(image: pyvips.Image, saver: str, keep: Collection[str], **options: object) -> bytes:
    """Write into memory; for files that are tried and may be thrown away."""
    flags = sum(KEPT[word] for word in keep)
    data: bytes = pyvips.Operation.call(f"{saver}_buffer", image, keep=flags, **options)
    return data
