"""Several owners at one system: there is one account over HTTP so far, so they come signed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from imagemill.contracts.identity import HEADER, Identity, Signer
from imagemill.contracts.transport import SERVICE
from tests.acceptance import pictures
from tests.acceptance.api import good
from tests.chaos.parts import Parts
from tests.chaos.work import Steps


@dataclass(frozen=True)
class Owner:
    """One account, which asks the services themselves, as the gateway does for it."""

    account: str
    system: Parts
    signer: Signer
    calls: httpx2.Client

    def upload(self) -> str:
        """Upload a new small picture; give the id of the image."""
        headers = self._headers("uploads")
        sent = self.calls.post("/api/v1/images", headers=headers, content=pictures.jpeg())
        return str(good(sent)["image_id"])

    def submit(self, image_id: str, plan: Sequence[Steps]) -> list[str]:
        """Ask for each plan's work, some at once; every answer must be 202."""

        def one(steps: Steps) -> str:
            job = {"input": {"image_id": image_id}, "outputs": {"result": steps}}
            answer = self.calls.post("/api/v1/jobs", headers=self._headers("jobs"), json=job)
            assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
            return str(answer.json()["job_id"])

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, plan))

    def _headers(self, service: str) -> dict[str, str]:
        identity = Identity(account=self.account, scopes=frozenset({"*"}))
        return {HEADER: self.signer.sign(identity), SERVICE: service}


def owner(account: str, system: Parts, calls: httpx2.Client) -> Owner:
    """Give an account of a running system; `calls` are made to the core's address."""
    signer = Signer((system.data / "service-key").read_bytes().strip())
    return Owner(account, system, signer, calls)
