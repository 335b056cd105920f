"""Pictures that really kill their decoder, among jobs of everybody else.

The poison is a legal GIF of 12 megapixels. With 400 MB of memory for a child, rotating it makes
the decoder abort, which the sandbox's kernel filter ends with SIGSYS: no child of a smaller
picture comes near that limit.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np
from PIL import Image

from tests.acceptance.api import API, JSON
from tests.chaos import whole, work
from tests.chaos.report import Report, Scale, milliseconds, percentile

TITLE = "poison among good jobs"
_WAIT = {"prefer": "wait=60"}
_CRASHED = "decoder_crashed"
_SLOWER = 2.0
"""The p95 of good jobs may grow to twice the quiet one."""


@dataclass(frozen=True)
class _Size:
    good: int
    poison: int


_SIZES = {Scale.BOUNDED: _Size(40, 6), Scale.FULL: _Size(1_000, 100)}


def run(scale: Scale, folder: Path) -> Report:
    """Time good jobs without poison, then as many with it."""
    report, size = Report(TITLE), _SIZES[scale]
    with whole.killed_at_last(folder / "data") as system:
        system.start(sandbox_memory_mb="400", sandbox_children="2")
        with whole.api_of(system) as api, ThreadPoolExecutor(5) as pool:
            (image_id,) = work.uploaded(api, 1, 600, 400)
            bad_id = api.upload(poison())["image_id"]
            quiet = _timed(api, image_id, range(size.good))
            killing = pool.submit(_poisoned, api, bad_id, size.poison)
            noisy = _timed(api, image_id, range(size.good, 2 * size.good))
            _tell(report, api, killing.result(), size)
        before, after = percentile(quiet, 0.95), percentile(noisy, 0.95)
        report.count("p95 of good ones", f"{milliseconds(before)}, then {milliseconds(after)}")
        is_near = after < _SLOWER * before
        report.promise("p95 under twice the quiet one", held=is_near or scale is Scale.BOUNDED)
        report.promise("the program lives", held=system.now.stop() == 0)
    return report.kept()


def poison() -> bytes:
    """Draw the picture: 4000 x 3000 pixels of a palette of greys."""
    down, across = np.mgrid[0:3000, 0:4000]
    drawn = Image.fromarray(((down // 16 + across // 16) % 256).astype(np.uint8))
    with io.BytesIO() as file:
        drawn.save(file, "GIF")
        return file.getvalue()


def _timed(api: API, image_id: str, indexes: range) -> list[float]:
    """Let four users ask and wait, one job after the other; give the seconds of each."""

    def one(index: int) -> float:
        began = time.perf_counter()
        answer = api.post("/api/v1/jobs", headers=_WAIT, json=_job(image_id, work.tiny(index)))
        assert answer.status_code == HTTPStatus.OK, answer.text
        assert answer.json()["status"] == "completed", answer.text
        return time.perf_counter() - began

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, indexes))


def _poisoned(api: API, image_id: str, count: int) -> list[JSON]:
    """Ask for poison, one job after the other; give how each ended."""
    return [
        _ended(api, image_id, [{"op": "rotate", "angle": 30 + each / 10}]) for each in range(count)
    ]


def _ended(api: API, image_id: str, steps: work.Steps) -> JSON:
    answer = api.post("/api/v1/jobs", headers=_WAIT, json=_job(image_id, steps))
    found: JSON = answer.json()
    return found


def _job(image_id: str, steps: work.Steps) -> JSON:
    return {"input": {"image_id": image_id}, "outputs": {"result": steps}}


def _tell(report: Report, api: API, ended: list[JSON], size: _Size) -> None:
    counted = Counter(work.statuses(api).values())
    report.count("ends", dict(counted))
    codes = Counter(each["error"]["code"] if each.get("error") else "none" for each in ended)
    report.count("poison ended as", dict(codes))
    report.promise(f"all poison is {_CRASHED}", held=codes == {_CRASHED: size.poison})
    report.count("attempts at poison", sum(each.get("attempts", 0) for each in ended))
    report.promise("all good ones are done", held=counted["completed"] == 2 * size.good)
