"""A receiver fails one time in five while workers and the notifier are killed."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standardwebhooks import Webhook

from imagemill.notifier.delivery import delivery_id
from imagemill.notifier.events import event_id
from tests.acceptance.api import API, good
from tests.acceptance.system import System, eventually
from tests.chaos import ledger, work
from tests.chaos.parts import QUICKLY
from tests.chaos.report import Report, Scale
from tests.notifier.receiver import Answer, Got, Receiver, receiving
from tests.peers.ports import free_port

TITLE = "webhooks while workers and the notifier are killed"
_FAILS: Final = 0.2
_ANSWERS_AFTER_S: Final = 0.05
"""Long enough for a kill to find deliveries under way."""
_TELLING: Final = {
    # Pauses of 0.1 s, 1.2 s, 6 s, 36 s: ten tries would take hours otherwise.
    "notifier_pace": "0.02",
    "notifier_delivery_lease_s": "2",
    "notifier_webhook_timeout_s": "1",
}


@dataclass(frozen=True)
class _Size:
    jobs: int
    kills: int
    within_s: float


_SIZES: Final = {
    Scale.BOUNDED: _Size(60, kills=2, within_s=90),
    Scale.FULL: _Size(2_000, kills=60, within_s=1_800),
}


@dataclass
class _Parts:
    """A core, a gateway, and a process that works and tells; only this last one is killed."""

    data: Path
    settings: dict[str, str]
    telling: System

    def kill(self) -> None:
        """Kill what works and tells, and start it again."""
        port = self.telling.port
        self.telling.kill()
        self.telling = _telling(self.data, self.settings, port)

    def end(self) -> None:
        """End it."""
        self.telling.kill()


def run(scale: Scale, folder: Path) -> Report:
    """Submit jobs, kill who works and tells while it tells, and count what the receiver heard."""
    report, size = Report(TITLE), _SIZES[scale]
    with receiving() as receiver, _running(folder / "data", receiver.port) as (system, api):
        made = good(
            api.post("/api/v1/webhooks", json={"url": receiver.url, "events": list(ledger.FINAL)})
        )
        taken = _fail_at_random(receiver, random.Random(12))
        images = work.uploaded(api, 2)
        promised = work.submitted(api, images, [work.tiny(each) for each in range(size.jobs)])
        for at in range(1, size.kills + 1):
            _heard(receiver, at * size.jobs // (size.kills + 1), size)
            system.kill()
        work.all_ended(api, within_s=size.within_s)
        owed = {
            delivery_id(event_id("jobs", each.seq, each.at), "webhook", made["webhook_id"]): each
            for each in ledger.events(system.data)
            if each.type in ledger.FINAL
        }
        _wait(lambda: set(owed) <= set(taken), size)
        report.count("jobs", len(promised))
        report.count("kills", size.kills)
        _tell(report, receiver, taken, set(owed), made["secret"])
    return report.kept()


def _tell(
    report: Report, receiver: Receiver, taken: Counter[str], owed: set[str], secret: str
) -> None:
    report.count("events", len(owed))
    report.count("requests", len(receiver.got))
    report.count("refused at random", len(receiver.got) - taken.total())
    report.count("taken more than once", sum(count > 1 for count in taken.values()))
    report.none("missing events", owed - set(taken))
    report.none("new ids for old events", receiver.ids() - owed)
    bodies = {(each.id, each.body) for each in receiver.got}
    report.promise("one body for each id", held=len(bodies) == len(receiver.ids()))
    told = Counter(each.told["data"]["job_id"] for each in {e.id: e for e in receiver.got}.values())
    report.none("jobs told under two ids", [each for each, count in told.items() if count > 1])
    for each in receiver.got[-100:]:  # Older ones are refused for their age in the full scenario.
        Webhook(secret).verify(each.body, dict(each.headers))


def _fail_at_random(receiver: Receiver, rng: random.Random) -> Counter[str]:
    """Answer 500 one time in five; give what was taken, by id."""
    taken: Counter[str] = Counter()

    def answer(got: Got) -> Answer:
        time.sleep(_ANSWERS_AFTER_S)  # sleeps: as a real receiver's work takes time
        if rng.random() < _FAILS:
            return Answer(500)
        taken[got.id] += 1
        return Answer()

    receiver.answers = answer
    return taken


def _heard(receiver: Receiver, count: int, size: _Size) -> None:
    eventually(lambda: len(receiver.got) >= count, within_s=size.within_s, what="requests")


def _wait(is_over: Callable[[], bool], size: _Size) -> None:
    with contextlib.suppress(AssertionError):  # What is missing is counted, and named.
        eventually(is_over, within_s=size.within_s, what="every event")


@contextlib.contextmanager
def _running(data: Path, receiver: int) -> Iterator[tuple[_Parts, API]]:
    ports = {name: free_port() for name in ("core", "telling")}
    core, telling = (f"http://127.0.0.1:{ports[each]}" for each in ("core", "telling"))
    peers = {f"peers_{name}": core for name in ("users", "uploads", "jobs")}
    settings = {**QUICKLY, **_TELLING, **peers, "egress_allow_hosts": f"127.0.0.1:{receiver}"}
    with contextlib.ExitStack() as opened:
        started = [
            System(data, ("users", "uploads", "jobs"), _environ(QUICKLY), port=ports["core"]),
            System(data, ("gateway",), _environ({**settings, "peers_notifier": telling})),
        ]
        for each in started:
            opened.callback(each.kill)
        parts = _Parts(data, settings, _telling(data, settings, ports["telling"]))
        opened.callback(parts.end)
        _ = started[0].url  # Its key is made by then.
        api = opened.enter_context(API(started[1]))
        eventually(api.is_ready, within_s=40)
        yield parts, api


def _telling(data: Path, settings: dict[str, str], port: int) -> System:
    return System(data, ("worker", "notifier"), _environ(settings), port=port)


def _environ(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"IMAGEMILL_{name.upper()}": value for name, value in settings.items()}
