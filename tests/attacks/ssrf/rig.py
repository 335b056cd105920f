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
    "IMAGEMILL_NOTIFIER_WEBHOOK_TIMEOUT_S": "3",
    "IMAGEMILL_NOTIFIER_WEBHOOKS_PER_OWNER": "1000",
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
TOLD: Mapping[str, str] = {
    **{name: each for name, each in SLOW.items() if not name.startswith("rebinding")},
    "blocked": url("inner"),
    "closed": url("closed"),
    "no HTTP": url("talking"),
}
"""Where webhooks lead of which only a delivery finds out."""
ALIKE: Mapping[str, str] = {
    "blocked": url("inner"),
    "closed": url("closed"),
    "no HTTP": url("talking"),
}
WORK: JSON = {"width": 8}
NO_OTHER = ["batch.completed"]
"""What webhooks are to hear of besides pings: nothing that happens here."""
OUTPUTS: JSON = {"small": [{"op": "resize", "width": 8}]}


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

    def webhook(self, target: str) -> str:
        """Make a webhook and send it a ping; tell `422 code`, or how the first try ended."""
        made = self.post("/api/v1/webhooks", {"url": target, "events": NO_OTHER})
        return self.ping(made.json()["webhook_id"]) if made.is_success else _refusal(made)

    def ping(self, webhook_id: str) -> str:
        """Send a ping; tell how the first try ended."""
        path = self.post(f"/api/v1/webhooks/{webhook_id}/test", {}).headers["location"]
        tried = eventually(lambda: self._api.get(path).json()["attempts"], within_s=50)
        return _end_of(tried[0])

    def turning(self, target: str) -> list[str]:
        """Send two pings to a webhook whose name leads elsewhere the second time."""
        made = self.post("/api/v1/webhooks", {"url": target, "events": NO_OTHER}).json()
        return [self.ping(made["webhook_id"]) for _ in range(2)]

    def telling(self, image_id: str, target: str) -> str:
        """Ask for a job that is to tell a URL of its end; tell how that is answered."""
        body = {"input": {"image_id": image_id}, "outputs": OUTPUTS, "webhook_url": target}
        answer = self.post("/api/v1/jobs", body)
        return "202" if answer.status_code == 202 else _refusal(answer)

    def told_of_jobs(self, count: int) -> list[str]:
        """Tell how the last tries ended at the URLs that so many jobs brought."""

        def tried() -> list[JSON] | None:
            path = "/api/v1/webhooks/jobs/deliveries?limit=100"
            found: list[JSON] = self._api.get(path).json()["deliveries"]
            return found if len(found) == count and all(each["tries"] for each in found) else None

        return sorted(_end_of(each) for each in eventually(tried, within_s=50))

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
            return _refusal(answer)
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


def _refusal(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.json()['code']}"


def _end_of(told: JSON) -> str:
    """Tell how a try ended, or the last try of a delivery."""
    return str(told["reason"] or "delivered")


def report(table: Path, api: API, canaries: world.Canaries) -> JSON:
    """Try everything; tell how each ended, and who was connected to that must not be."""
    tries = Tries(api)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    targets = {each["id"]: with_port(each["payload"]) for each in rows}
    image_id = api.upload(pictures.jpeg())["image_id"]
    with ThreadPoolExecutor(48) as hands:
        slow = {name: hands.submit(tries.image, each) for name, each in SLOW.items()}
        worked = {name: hands.submit(tries.job, url("img", "ok.jpg")) for name in ("job",)}
        blocked = {name: hands.submit(tries.job, url(name)) for name in ("inner", "closed")}
        told = {name: hands.submit(tries.webhook, each) for name, each in TOLD.items()}
        turning = hands.submit(tries.turning, url("turning"))
        of_jobs = [hands.submit(tries.telling, image_id, each) for each in TOLD.values()]
        refused = {
            id_: [[tries.image(each), tries.job(each)] for each in aimed]
            for id_, aimed in targets.items()
            if int(id_[2:]) < FIRST_TO_ASK
        }
        unheard = {
            id_: [[tries.webhook(each), tries.telling(image_id, each)] for each in aimed]
            for id_, aimed in targets.items()
            if int(id_[2:]) < FIRST_TO_ASK
        }
        ended = {name: each.result() for name, each in {**slow, **worked, **blocked}.items()}
        webhooks = {name: each.result() for name, each in told.items()}
        turned = turning.result()
        jobs = tries.told_of_jobs([each.result() for each in of_jobs].count("202"))
    alike = {name: [tries.failure(each) for _ in range(5)] for name, each in ALIKE.items()}
    return {
        "rows": [each["id"] for each in rows],
        "refused": refused,
        "ended": ended,
        "webhooks": {"refused": unheard, "ended": webhooks, "jobs": jobs, "turning": turned},
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
