"""An installation that moved, however often it was killed meanwhile, is the same to its users."""

from __future__ import annotations

import random
import secrets
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started, surroundings
from tests.backup.folders import Data, sha256
from tests.chaos.ledger import events
from tests.cli.programs import IMAGEMILL, imagemill
from tests.transfer.moves import ask, kept, objects, rows

pytestmark = pytest.mark.timeout(240)

IMAGES = 500
"""So many more originals than the old system was sent over HTTP."""
SLOW: list[JSON] = [{"op": "convert", "format": "avif", "effort": 4, "quality": 60}]
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
SETTINGS = {"users_registration": "open", "jobs_lease_s": "2"}
_IMAGE = """
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, created_at)
VALUES (?, 'nobody', ?, ?, ?, ?, 0)
"""


@dataclass(frozen=True)
class Known:
    """What people and programs know of the old system."""

    job: JSON
    """One that is completed."""
    result: bytes
    link: str
    """Path and query of a signed link to the result."""
    refresh_token: str
    waiting: list[str]
    """Jobs that were not done yet."""


def test_a_transfer_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    known = lived_in(data)
    filled(Data(data))
    before = kept(data)
    rows_before_a_kill, objects_before_a_kill = random.randrange(400), random.randrange(50, 400)

    killed(data, new, lambda: copied(new, "jobs") > 0)
    killed(data, new, lambda: copied(new, "images") > rows_before_a_kill)
    killed(data, new, lambda: stored(new) > objects_before_a_kill)
    last = imagemill("transfer", "--from", data, "--data", new, "--keys", new)
    again = imagemill("transfer", "--from", data, "--data", new)

    assert (last.code, again.code) == (0, 0), last.err + again.err
    assert "Nothing to do: all was moved at" in again.out
    assert kept(data) == before
    assert rows(new) == rows(data)
    assert objects(new).items() >= {*named(data).items()}
    with started(new, settings=SETTINGS) as system, API(system) as api:
        eventually(api.is_ready)
        serves_what_was_known(system, api, known)
        numbers = [each.seq for each in events(new)]
        assert numbers == sorted(set(numbers))
        assert max(numbers) > max(each.seq for each in events(data))


def lived_in(data: Path) -> Known:
    """Let a system live for a while, and kill it while it works."""
    with started(data, settings=SETTINGS) as system, API(system) as api:
        eventually(api.is_ready)
        job = api.completed(api.short("resize", pictures.jpeg(), width=20))
        url = job["outputs"]["result"]["url"]
        link = urlsplit(good(api.post(f"{url}/links", json={"expires_in_s": 3600}))["url"])
        account = {"email": EMAIL, "password": PASSWORD}
        assert api.post("/api/v1/auth/register", json=account).status_code == 202
        image_id = api.upload(pictures.jpeg(400, 300))["image_id"]
        answers = [api.submit(image_id, {"result": SLOW}, fresh=True) for _ in range(6)]
        known = Known(
            job=job,
            result=api.result(job),
            link=f"{link.path}?{link.query}",
            refresh_token=logged_in(system)["refresh_token"],
            waiting=[each.json()["job_id"] for each in answers],
        )
        system.kill()
    return known


def serves_what_was_known(system: System, api: API, known: Known) -> None:
    """Ask the new system for all that the old one had promised."""
    with httpx2.Client(base_url=system.url, trust_env=False) as stranger:
        refreshed = stranger.post(
            "/api/v1/auth/refresh", json={"refresh_token": known.refresh_token}
        )
        linked = stranger.get(known.link)

    assert api.job(known.job["job_id"]) == known.job
    assert (linked.status_code, linked.content) == (200, known.result)
    assert refreshed.status_code == 200, refreshed.text
    assert logged_in(system)["access_token"]
    eventually(
        lambda: all(api.job(each)["status"] == "completed" for each in known.waiting), within_s=90
    )


def logged_in(system: System) -> JSON:
    form = {"username": EMAIL, "password": PASSWORD}
    return good(httpx2.post(f"{system.url}/api/v1/auth/login", data=form, trust_env=False))


def filled(data: Data) -> None:
    """Keep many more originals, as the uploads service does."""
    facts, added = ask(data.path, "images", "SELECT facts FROM images")[0][0], []
    for _ in range(IMAGES):
        content, key = secrets.token_bytes(2_000), secrets.token_hex(8)
        path = data.path / "objects" / "originals" / key[:2] / key
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        added.append((key, sha256(content), f"{key[:2]}/{key}", len(content), facts))
    with data.connect("images") as opened:
        opened.executemany(_IMAGE, added)
    opened.close()


def killed(data: Path, new: Path, seen: Callable[[], bool]) -> None:
    """Run a transfer, and kill it as soon as it has come so far."""
    command = [*IMAGEMILL, "transfer", "--from", str(data), "--data", str(new)]
    with subprocess.Popen(command, env=surroundings(), stderr=subprocess.DEVNULL) as running:
        eventually(lambda: seen() or running.poll() is not None, within_s=50)
        running.send_signal(signal.SIGKILL)


def copied(new: Path, database: str) -> int:
    """Tell how many rows a transfer has noted as copied."""
    if not (new / "databases" / f"{database}.sqlite").exists():
        return 0
    known = ask(new, database, "SELECT name FROM sqlite_master WHERE name = 'transfer_journal'")
    noted = "SELECT COALESCE(SUM(copied), 0) FROM transfer_journal"
    return int(ask(new, database, noted)[0][0]) if known else 0


def stored(new: Path) -> int:
    """Count the objects that have arrived."""
    return sum(not each.name.startswith(".") for each in (new / "objects").glob("*/*/*"))


def named(data: Path) -> dict[str, bytes]:
    """Read the objects that rows name."""
    places = {
        *(f"originals/{row[0]}" for row in ask(data, "images", "SELECT storage_key FROM images")),
        *(f"results/{row[0]}" for row in ask(data, "jobs", "SELECT storage_key FROM results")),
    }
    return {place: each for place, each in objects(data).items() if place in places}
