"""Try every row of the table against the running program; run in a network of its own.

`python -m tests.attacks.ssrf.rig TABLE FOLDER` writes `report.json` into the folder.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.system import System, eventually
from tests.attacks.ssrf import space, world
from tests.attacks.ssrf.world import Host, url, with_port

SETTINGS = {
    "IMAGEMILL_UPLOADS_FETCHES_AT_ONCE": "64",
    "IMAGEMILL_UPLOADS_FETCH_PAUSE_S": "0.05",
    "IMAGEMILL_UPLOADS_FETCH_READ_S": "1",
    "IMAGEMILL_UPLOADS_FETCH_TOTAL_S": "2",
}
"""Limits that are reached soon; the program needs no other switch."""
SLOW: Mapping[str, str] = {
    "to metadata": url("img", "to/metadata"),
    "to gopher": url("img", "to/gopher"),
    "to relative": url("img", "to/relative"),
    "to relative, port 80": url("img", "to/relative80"),
    "to a name within": url("img", "to/inner"),
    "to a file": url("img", "to/file"),
    "three hops": url("img", "hops/3"),
    "four hops": url("img", "hops/4"),
    "refresh": url("img", "refresh"),
    "rebinding": url("rebinding"),
    "rebinding at a redirect": url("returning", "to/itself"),
    "dual stack": url("dual"),
    "mixed": url("mixed"),
    "mapped": url("mapped"),
    "translated": url("translated"),
    "a name of the metadata service": url("secrets"),
    "hanging name": url("hanging"),
    "slow": url("img", "slow"),
    "lying length": url("img", "lies"),
    "no length": url("img", "flood"),
    "404": url("img", "404"),
    "500": url("img", "500"),
    "503": url("img", "busy"),
    "unknown name": url("unknown"),
}
"""What is found out by asking only, by the name under which it is reported."""
ALIKE: Mapping[str, str] = {
    "blocked": url("inner"),
    "closed": url("closed"),
    "no HTTP": url("talking"),
}
WORK: JSON = {"width": 8}


class Tries:
    """What is asked of the program, and how it ends."""

    def __init__(self, api: API) -> None:
        """Ask through `api`."""
        self._api = api

    def image(self, target: str) -> str:
        """Ask for an image by URL; tell `422 code`, `stored` or `failed:code`."""
        return self._told(
            self.post("/api/v1/images", {"url": target}), "/api/v1/images", "image_id"
        )

    def job(self, target: str) -> str:
        """Ask for a job by URL; tell as `image` does."""
        answer = self.post("/api/v1/resize", {"url": target, **WORK})
        return self._told(answer, "/api/v1/jobs", "job_id")

    def failure(self, target: str) -> tuple[float, JSON]:
        """Tell how long an image took to fail, and what its owner is shown of it."""
        began = time.monotonic()
        image_id = self.post("/api/v1/images", {"url": target}).json()["image_id"]
        shown = self._ended(f"/api/v1/images/{image_id}")
        return time.monotonic() - began, shown["error"]

    def post(self, path: str, body: JSON) -> httpx2.Response:
        """Send JSON, as often as the rate limit asks for it."""
        while (answer := self._api.post(path, json=body)).status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))  # sleeps: as the answer says
        return answer

    def _told(self, answer: httpx2.Response, path: str, name: str) -> str:
        said = answer.json()
        if answer.status_code != 202:
            return f"{answer.status_code} {said['code']}"
        ended = self._ended(f"{path}/{said[name]}")
        return str(ended["status"]) + (f":{ended['error']['code']}" if ended.get("error") else "")

    def _ended(self, path: str) -> JSON:
        def look() -> JSON | None:
            answer = self._api.get(path)
            if answer.status_code == 429:
                return None
            shown: JSON = answer.json()
            return shown if shown["status"] not in {"pending", "queued", "processing"} else None

        return eventually(look, within_s=50)


def report(table: Path, api: API, canaries: world.Canaries) -> JSON:
    """Try everything; tell how each ended, and who was connected to that must not be."""
    tries = Tries(api)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    targets = {each["id"]: with_port(each["payload"]) for each in rows}
    with ThreadPoolExecutor(24) as hands:
        slow = {name: hands.submit(tries.image, each) for name, each in SLOW.items()}
        worked = {name: hands.submit(tries.job, url("img", "ok.jpg")) for name in ("job",)}
        blocked = {name: hands.submit(tries.job, url(name)) for name in ("inner", "closed")}
        refused = {
            id_: [[tries.image(each), tries.job(each)] for each in aimed]
            for id_, aimed in targets.items()
            if int(id_[2:]) < FIRST_TO_ASK
        }
        ended = {name: each.result() for name, each in {**slow, **worked, **blocked}.items()}
    alike = {name: [tries.failure(each) for _ in range(5)] for name, each in ALIKE.items()}
    return {
        "rows": [each["id"] for each in rows],
        "refused": refused,
        "ended": ended,
        "alike": alike,
        "asked": dict(Host.asked),
        "sent_bytes": dict(Host.sent_bytes),
        "canaries": canaries.connections,
    }


FIRST_TO_ASK = 80
"""Rows from this number on are no URL but a behaviour of hosts."""


def main(table: Path, folder: Path) -> None:
    """Run the program between the canaries and the outside world."""
    space.prepare(folder)
    canaries = world.begin(pictures.jpeg())
    system = System(folder / "data", environ=SETTINGS)
    try:
        with API(system) as api:
            told = report(table, api, canaries)
    finally:
        code = system.stop()
    told["code"] = code
    (folder / "report.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
