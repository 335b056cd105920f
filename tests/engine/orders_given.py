"""Orders given to the engine in this process, on bytes in memory."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagemill.contracts.facts import Facts, Limits
from imagemill.engine import probe, render
from imagemill.engine.orders import Answer, RenderOrder

Levels = NDArray[np.uint8]
Steps = Sequence[Mapping[str, Any]]
LIMITS = Limits()


@dataclass(frozen=True)
class Results:
    """The answer to an order and the files that it made."""

    answer: Answer
    files: Mapping[str, bytes]

    def image(self, name: str = "made") -> Image.Image:
        """Open one of the files with Pillow."""
        return Image.open(io.BytesIO(self.files[name]))

    def levels(self, name: str = "made") -> Levels:
        """Decode one of the files with Pillow: height x width x bands."""
        found = np.asarray(self.image(name))
        return found[..., None] if found.ndim == 2 else found


def rendered(
    original: bytes, outputs: Mapping[str, Steps] | Steps, limits: Limits = LIMITS
) -> Results:
    """Render the outputs of one picture; a list of steps is one output, called `made`."""
    named = dict(outputs) if isinstance(outputs, Mapping) else {"made": outputs}
    order = RenderOrder(
        limits=limits,
        outputs={name: [dict(step) for step in steps] for name, steps in named.items()},
    )
    with ExitStack() as files:
        source = memory_file(original, files)
        targets = [memory_file(b"", files) for _ in named]
        answer = render.render(order, source, [], targets)
        contents = [os.pread(target, os.fstat(target).st_size, 0) for target in targets]
    return Results(answer, dict(zip(named, contents, strict=True)))


def facts(original: bytes, limits: Limits = LIMITS) -> Facts:
    """Probe a picture."""
    with ExitStack() as files:
        return probe.facts(memory_file(original, files), limits)


def memory_file(content: bytes, files: ExitStack) -> int:
    """Open a file in memory that is closed with the stack."""
    descriptor = os.memfd_create("test")
    files.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """Write a picture with Pillow."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def landscape(width: int, height: int, seed: int = 1) -> Image.Image:
    """Draw something like a photograph: slopes, edges and grain, nothing symmetrical."""
    down, across = np.mgrid[0:height, 0:width]
    planes = np.stack(
        [
            120 + 90 * np.sin(across / width * 9 + down / height * 3),
            60 + 150 * down / height,
            200 - 130 * across / width,
        ],
        axis=-1,
    )
    planes[(across - width * 0.7) ** 2 + (down - height * 0.3) ** 2 < (height * 0.2) ** 2] = 240
    planes[height // 2 : height // 2 + height // 10, width // 8 : width // 3] = (20, 30, 140)
    planes += np.random.default_rng(seed).normal(0, 5, planes.shape)
    return Image.fromarray(np.clip(planes, 0, 255).astype(np.uint8))
