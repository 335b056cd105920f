"""Many who ask at the same time, and what became of what they asked."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON
from tests.acceptance.sse import events_of
from tests.acceptance.system import Served, eventually

OUTPUTS: dict[str, list[JSON]] = {
    "result": [{"op": "resize", "width": 24}, {"op": "convert", "format": "png"}]
}


class Load:
    """Threads that upload, ask for work, wait, poll and follow, until told to end."""

    def __init__(self, system: Served, *, are_keyed: bool, may_break: bool) -> None:
        """Ask `system`; what makes something carries a key where `are_keyed`.

        A stream that breaks off is a failure unless it `may_break`.
        """
        self._system = system
        self._are_keyed = are_keyed
        self._may_break = may_break
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.failures: list[str] = []
        """What was answered with an error, or not at all."""
        self.counts: Counter[str] = Counter()
        self.jobs: list[str] = []

    def start(self, hands: int = 3) -> None:
        """Begin with so many at once."""
        self._threads = [threading.Thread(target=self._work) for _ in range(hands)]
        self._threads.append(threading.Thread(target=self._read))
        for each in self._threads:
            each.start()

    def goes_on(self, more: int = 3) -> None:
        """Wait until every kind of request was answered so many times more."""
        wanted = {kind: self.counts[kind] + more for kind in ("upload", "job", "stream", "read")}
        eventually(
            lambda: self.failures or all(self.counts[each] >= n for each, n in wanted.items()),
            what=f"{wanted} of {self.counts}",
        )

    def end(self) -> None:
        """End when what is under way was answered."""
        self._over.set()
        for each in self._threads:
            each.join(60)
        assert not [each.name for each in self._threads if each.is_alive()], "some hang"

    def _work(self) -> None:
        with API(self._system) as api:
            while not self._over.is_set() and not self.failures:
                self._tried(self._once, api)

    def _read(self) -> None:
        with API(self._system) as api:
            while not self._over.is_set() and not self.failures:
                self._tried(self._looked, api)

    def _tried(self, do: object, api: API) -> None:
        assert callable(do)
        try:
            do(api)
        except (httpx2.HTTPError, AssertionError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _looked(self, api: API) -> None:
        for path in ("/api/v1/operations", "/api/v1/jobs?limit=3", "/api/v1/images?limit=3"):
            answer = api.get(path)
            assert answer.status_code == 200, (path, answer.text)
        self.counts["read"] += 1

    def _once(self, api: API) -> None:
        picture, key = pictures.jpeg(), self._key()
        answer = _answered(lambda: api.post("/api/v1/images", content=picture, headers=key))
        assert answer.status_code in {200, 201}, answer.text
        self.counts["upload"] += 1
        order = {"input": {"image_id": answer.json()["image_id"]}, "outputs": OUTPUTS}
        key = self._key()
        answer = _answered(lambda: api.post("/api/v1/jobs", json=order, headers=key))
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]
        self.jobs.append(job_id)
        self.counts["job"] += 1
        self._follow(api, job_id)
        job = api.job(job_id)
        assert job["status"] == "completed", job

    def _follow(self, api: API, job_id: str) -> None:
        """Read a job's stream to its end; one that breaks off goes on after its last event."""
        last, told = 0, list[str]()
        for _ in range(200):
            text = self._read_stream(api, job_id, last)
            found = events_of(text)
            told += [each["type"] for each in found]
            last = max([last, *(each["id"] for each in found)])
            if told and told[-1] == "job.completed":
                break
        assert told.count("job.completed") == 1, told
        assert told[0] == "job.queued", told
        self.counts["stream"] += 1

    def _read_stream(self, api: API, job_id: str, after: int) -> str:
        """Read what a stream tells until it ends, or breaks off where it may; whole events only."""
        read = ""
        path, headers = f"/api/v1/jobs/{job_id}/events", {"last-event-id": str(after)}
        try:
            with api.stream("GET", path, headers=headers) as answer:
                assert answer.status_code == 200, answer.status_code
                for piece in answer.iter_text():
                    read += piece
        except httpx2.RemoteProtocolError:
            if not self._may_break:
                raise
        return read[: read.rfind("\n\n") + 2]

    def _key(self) -> dict[str, str]:
        return {"idempotency-key": str(uuid.uuid4())} if self._are_keyed else {}


@contextmanager
def load(system: Served, *, are_keyed: bool, may_break: bool, hands: int = 3) -> Iterator[Load]:
    """Let many ask for a block."""
    running = Load(system, are_keyed=are_keyed, may_break=may_break)
    running.start(hands)
    try:
        yield running
    finally:
        running.end()


def _answered(send: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Send until it is answered: the first sending may go on where the second one comes."""

    def look() -> httpx2.Response | None:
        answer = send()
        is_running = answer.status_code == 409 and answer.json()["code"] == "request_in_progress"
        return None if is_running else answer

    return eventually(look, what="the answer to a request with a key")
