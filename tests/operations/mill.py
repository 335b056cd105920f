"""One pass through the engine, in this process: bytes of a picture and steps in, levels out."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from imagemill import errors, pipeline
from imagemill.contracts.facts import Facts, Limits
from imagemill.engine import probe, render
from imagemill.engine.orders import Answer, ProbeOrder, RenderOrder

Levels = NDArray[np.uint8]
Steps = Sequence[Mapping[str, Any]]

STILL: Mapping[str, Any] = {"op": "convert", "format": "png"}
MOVING: Mapping[str, Any] = {"op": "convert", "format": "webp", "lossless": True}


@dataclass(frozen=True)
class Made:
    """What came out."""

    content: bytes
    answer: Answer

    @property
    def frames(self) -> list[Levels]:
        """Give every frame as height x width x bands, decoded by Pillow."""
        with Image.open(io.BytesIO(self.content)) as file:
            return [levels(frame) for frame in ImageSequence.Iterator(file)]

    @property
    def levels(self) -> Levels:
        """Give the first frame."""
        return self.frames[0]

    @property
    def size(self) -> tuple[int, int]:
        """Give (width, height) of the file itself, whatever the answer says."""
        with Image.open(io.BytesIO(self.content)) as file:
            return file.size


def made(
    original: bytes,
    *steps: Mapping[str, Any],
    end: Mapping[str, Any] = STILL,
    pictures: Mapping[str, bytes] | None = None,
) -> Made:
    """Run steps on a picture and end in a lossless file; raises the refusal that a caller gets."""
    others = pictures or {}
    parsed = pipeline.parse([*steps, end])
    order = RenderOrder(
        limits=Limits(), outputs={"made": pipeline.normal(parsed)}, pictures=list(others)
    )
    with ExitStack() as open_files:
        descriptors = [_memory(content, open_files) for content in (original, *others.values())]
        target = _memory(b"", open_files)
        answer = render.render(order, descriptors[0], descriptors[1:], [target])
        if answer.error:
            raise errors.by_code(answer.error)(answer.message, limit=answer.limit)
        content = os.pread(target, os.fstat(target).st_size, 0)
    return Made(content, answer)


@cache
def plain(original: bytes) -> Levels:
    """Give the picture as steps see it: decoded and upright, nothing done to it; read-only."""
    found = made(original).levels
    found.flags.writeable = False
    return found


def facts(original: bytes) -> Facts:
    """Probe the picture, as an upload does."""
    with ExitStack() as open_files:
        answer = probe.probe(ProbeOrder(limits=Limits()), _memory(original, open_files))
    assert answer.facts is not None, answer.message
    return answer.facts


def predicted(original: bytes, *steps: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tell the size that a dry run promises."""
    return pipeline.predict(pipeline.parse([*steps, STILL]), facts(original))


def levels(image: Image.Image) -> Levels:
    """Give a Pillow image as height x width x bands of 8 bits."""
    ready = image if image.mode in {"L", "LA", "RGB", "RGBA"} else image.convert("RGBA")
    found = np.asarray(ready)
    return found[..., None] if found.ndim == 2 else found


def _memory(content: bytes, open_files: ExitStack) -> int:
    descriptor = os.memfd_create("test")
    open_files.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
