"""Every example runs in a locked child: nothing is imported, opened or looked up too late."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from imagemill import pipeline
from imagemill.contracts.facts import Limits
from imagemill.engine import fonts
from imagemill.engine.orders import RenderOrder
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.operations import Kind, operations
from tests.operations.mill import STILL, made
from tests.pictures.draw import picture

pytestmark = pytest.mark.slow

MARK = "mark"
PER_ORDER = 20
"""Outputs in one order, as many as a job may have."""
MOST_BYTES = 1_000_000


def every_pipeline() -> dict[str, list[dict[str, Any]]]:
    steps = {
        f"{name}-{number}": {"op": name, **example.parameters}
        for name, step in operations().items()
        for number, example in enumerate(step.examples)
    }
    steps |= {f"font-{font}": written(font) for font in fonts.preload().names[:6]}
    steps["mark"] = {"op": "watermark", "image_id": MARK, "angle": 12, "opacity": 0.5}
    steps["letters"] = written("default", "ä ß Ω я א ש ع 中 🙂 e\u0301")
    return {
        name: pipeline.normal(pipeline.parse([step] if _ends(step) else [step, STILL]))
        for name, step in steps.items()
    }


def written(font: str, text: str = "fi ffl Qg") -> dict[str, Any]:
    return {"op": "watermark", "text": text, "font": font, "font_size": 18, "angle": 3}


def _ends(step: Mapping[str, Any]) -> bool:
    return operations()[step["op"]].kind is not Kind.PIXELS


@contextmanager
def files(*contents: bytes) -> Iterator[list[int]]:
    with ExitStack() as stack:
        descriptors = []
        for content in contents:
            descriptor = os.memfd_create("original")
            stack.callback(os.close, descriptor)
            os.write(descriptor, content)
            descriptors.append(descriptor)
        yield descriptors


async def rendered(sandbox: Sandbox, outputs: dict[str, list[dict[str, Any]]]) -> dict[str, bytes]:
    order = RenderOrder(limits=Limits(), outputs=outputs, pictures=[MARK])
    with files(picture("alpha.png"), picture("mark.png")) as (original, mark):
        rendering = await sandbox.render(
            original, order, pictures=[mark], owner="anna", timeout_s=30
        )
        with rendering:
            return {name: os.pread(file, MOST_BYTES, 0) for name, file in rendering.files.items()}


def here(steps: list[dict[str, Any]]) -> bytes:
    marks = {MARK: picture("mark.png")}
    return made(picture("alpha.png"), *steps[:-1], end=steps[-1], pictures=marks).content


async def test_every_example_makes_the_same_bytes_in_a_locked_child() -> None:
    pipelines = list(every_pipeline().items())
    groups = [dict(pipelines[at : at + PER_ORDER]) for at in range(0, len(pipelines), PER_ORDER)]

    inside: dict[str, bytes] = {}
    async with Sandbox(SandboxSettings(children=1)) as sandbox:
        for group in groups:
            inside |= await rendered(sandbox, group)

    outside = await asyncio.to_thread(lambda: {name: here(steps) for name, steps in pipelines})
    assert [name for name in outside if inside[name] != outside[name]] == []
