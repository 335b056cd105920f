"""A client as small as a script of a user's: what the tests do over HTTP, in their words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.acceptance.system import Served, eventually

JSON = dict[str, Any]
PROBLEM = "application/problem+json"


class API(httpx2.Client):
    """A client with a key at one system's address."""

    def __init__(self, system: Served) -> None:
        super().__init__(
            base_url=system.url,
            headers={"x-api-key": system.key},
            timeout=60,
            trust_env=False,
            verify=system.trusts,
        )

    def upload(self, picture: bytes) -> JSON:
        """Hand a picture over as a raw body."""
        return good(self.post("/api/v1/images", content=picture))

    def submit(
        self, image_id: str, outputs: Mapping[str, list[JSON]], **more: object
    ) -> httpx2.Response:
        """Ask for a job on an image."""
        job = {"input": {"image_id": image_id}, "outputs": outputs, **more}
        return self.post("/api/v1/jobs", json=job)

    def short(self, operation: str, picture: bytes, **fields: object) -> httpx2.Response:
        """Send a short form with the picture in it."""
        written = {name: as_field(value) for name, value in fields.items()}
        return self.post(f"/api/v1/{operation}", files={"file": ("picture", picture)}, data=written)

    def job(self, job_id: str) -> JSON:
        """Read a job."""
        return good(self.get(f"/api/v1/jobs/{job_id}"))

    def ended(self, answer: httpx2.Response, *, within_s: float = 40.0) -> JSON:
        """Wait for the end of a job that was just accepted."""
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]

        def final_job() -> JSON | None:
            job = self.job(job_id)
            return job if job["status"] in {"completed", "failed", "cancelled"} else None

        return eventually(final_job, within_s=within_s)

    def completed(self, answer: httpx2.Response, *, within_s: float = 40.0) -> JSON:
        """Wait for the good end of a job that was just accepted."""
        job = self.ended(answer, within_s=within_s)
        assert job["status"] == "completed", job
        return job

    def result(self, job: JSON, name: str = "result") -> bytes:
        """Fetch one output's bytes."""
        answer = self.get(job["outputs"][name]["url"])
        assert answer.status_code == 200, answer.text
        return answer.content

    def is_ready(self) -> bool:
        """Ask, as an orchestrator does, whether all of it can work."""
        return self.get("/health/ready").text == "ready"


def good(answer: httpx2.Response) -> JSON:
    """Read an answer that must not be an error."""
    assert answer.is_success, answer.text
    found: JSON = answer.json()
    return found


def problem(answer: httpx2.Response, status: int, code: str) -> JSON:
    """Read an answer that must be this very problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    found: JSON = answer.json()
    assert (found["status"], found["code"]) == (status, code), found
    assert found["detail"]
    assert found["request_id"] == answer.headers["x-correlation-id"]
    return found


def fields_of(told: JSON) -> set[str]:
    """List the fields that a problem names."""
    return {each["field"] for each in told["errors"]}


def as_field(value: object) -> str:
    """Write a value as forms and queries have it."""
    return value if isinstance(value, str) else json.dumps(value)
