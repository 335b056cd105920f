"""The disk is full: what cannot be kept is refused, and work goes on when there is room again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.system import System, eventually
from tests.chaos import ledger, work
from tests.chaos.parts import QUICKLY
from tests.chaos.report import Report, Scale

TITLE = "a full disk"
SIZE_MB = 64
_MOUNTED = f'mount -t tmpfs -o size={SIZE_MB}m tmpfs "$0" && exec "$@"'
_NO = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE}
_JOBS = 3
_SPELL_S = 2.0
"""How long it stays full: longer than the work of a job."""
_TIMES = {Scale.BOUNDED: 1, Scale.FULL: 20}


def is_possible() -> bool:
    """Tell whether this process may mount a file system."""
    return os.geteuid() == 0


def run(scale: Scale, folder: Path) -> Report:
    """Fill the data folder while jobs run, see who is told what, and make room again."""
    report, told = Report(TITLE), Counter[str]()
    with _small(folder / "data") as system, API(system) as api:
        eventually(api.is_ready, within_s=40)
        kept = [api.completed(api.short("flip", pictures.jpeg())) for _ in range(3)]
        (image_id,) = work.uploaded(api, 1, 900, 600)
        promised: list[str] = []
        for turn in range(_TIMES[scale]):
            plan = [_a_second(turn * _JOBS + each) for each in range(_JOBS)]
            promised += work.submitted(api, [image_id], plan)
            with _filled(system.inside / "filler"):
                promised += _try_all(api, image_id, turn, told)
                time.sleep(_SPELL_S)  # sleeps: work that ends meanwhile finds no room
                report.none("results that cannot be read", _unreadable(api, kept))
            began = time.monotonic()
            eventually(lambda: _takes_in(api), within_s=60, what="room for a picture")
            report.count("takes pictures again after", f"{time.monotonic() - began:.1f} s")
        work.all_ended(api, within_s=120 + 20 * _TIMES[scale])
        _tell(report, api, promised, told)
        _tell_of_files(report, _copied(system, folder / "copy"))
        report.promise("exit code 0 after all", held=system.stop() == 0)
    return report.kept()


class _Small(System):
    """A system whose data folder is a small file system that only it and its children see."""

    @property
    def inside(self) -> Path:
        """The data folder as the program sees it."""
        return Path(f"/proc/{self.pid}/root{self.data}")

    @property
    def key(self) -> str:
        return (self.inside / "admin-key").read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def _small(data: Path) -> Iterator[_Small]:
    data.mkdir(parents=True)
    within = ("unshare", "--mount", "sh", "-c", _MOUNTED, str(data))
    environ = {f"IMAGEMILL_{name.upper()}": value for name, value in QUICKLY.items()}
    system = _Small(data, (), environ, within=within)
    try:
        yield system
    finally:
        if system.is_running:
            system.kill()


@contextlib.contextmanager
def _filled(filler: Path) -> Iterator[None]:
    """Write a file until there is no room for another byte, and remove it after the block."""
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            for piece in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(piece)) == piece:
                        pass
        yield
    finally:
        filler.unlink()


def _a_second(index: int) -> work.Steps:
    width = 500 + index % 100
    return [{"op": "resize", "width": width}, work.avif(50 + index // 100, effort=4)]


def _try_all(api: API, image_id: str, turn: int, told: Counter[str]) -> list[str]:
    """Ask for what needs room; give the ids of what was promised all the same."""
    promised = []
    for index in range(10):
        upload = api.post("/api/v1/images", content=pictures.jpeg(600, 400))
        job = api.submit(image_id, {"result": work.tiny(turn * 10 + index)})
        short = api.short("flip", pictures.jpeg(600, 400))
        told.update({f"upload {upload.status_code}": 1})
        told.update(f"job {each.status_code}" for each in (job, short))
        given = [each for each in (job, short) if each.status_code == HTTPStatus.ACCEPTED]
        promised += [str(each.json()["job_id"]) for each in given]
    return promised


def _unreadable(api: API, kept: list[JSON]) -> Iterator[str]:
    for job in kept:
        if len(api.result(api.job(job["job_id"]))) != job["result"]["size_bytes"]:
            yield job["job_id"]


def _takes_in(api: API) -> bool:
    return api.post("/api/v1/images", content=pictures.jpeg(600, 400)).is_success


def _copied(system: _Small, folder: Path) -> Path:
    """Copy the data folder at one moment: SQLite itself cannot follow the way into it."""
    os.kill(system.pid, signal.SIGSTOP)
    try:
        shutil.copytree(system.inside, folder, ignore=shutil.ignore_patterns("*-shm"))
    finally:
        os.kill(system.pid, signal.SIGCONT)
    return folder


def _tell(report: Report, api: API, promised: list[str], told: Mapping[str, int]) -> None:
    report.count("answers while full", dict(told))
    honest = {f"upload {each:d}" for each in _NO} | {f"job {each:d}" for each in (*_NO, 202)}
    report.promise("only honest answers", held=told.keys() <= honest)
    found = work.statuses(api)
    report.count("answered with 202", len(promised))
    report.none("lost", [each for each in promised if each not in found])
    report.none("not ended well", [each for each in promised if found.get(each) != "completed"])


def _tell_of_files(report: Report, data: Path) -> None:
    report.none("completed twice", ledger.repeated(ledger.events(data), "job.completed"))
    report.none("empty results", [each for each in ledger.results(data) if not each.stat().st_size])
    report.count("tries burnt, leases ended", ledger.tries_burnt(data))
    report.none("complaints of integrity_check", ledger.unsound(data))
