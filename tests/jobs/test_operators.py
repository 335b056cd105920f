"""What operators see and decide of everybody's, over HTTP, and what is written down of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from imagemill.contracts.identity import ADDRESS, HEADER, Identity
from imagemill.contracts.scopes import Role
from imagemill.contracts.usage import IntakeUsage, KeyIntake
from imagemill.database import Connection, Row
from imagemill.faults import Faults
from imagemill.jobs.job import Job, Listing, Terms
from imagemill.jobs.routes import app_of
from imagemill.jobs.turns import Priority
from tests.jobs.life import A, B, Life
from tests.peers.engines import order_of_writing

LETTERS = "/api/v1/dead-letters"
OPERATOR = Identity(account="O", scopes=Role.OPERATOR.scopes, role=Role.OPERATOR, key_id="ko")
OWNER = A.model_copy(update={"scopes": Role.USER.scopes, "role": Role.USER})


@dataclass
class Asked:
    """The jobs service over HTTP, and what it wrote down."""

    life: Life
    http: httpx2.AsyncClient

    async def ask(
        self,
        method: str,
        path: str,
        caller: Identity = OPERATOR,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Ask as the gateway passes a request on."""
        ours = {HEADER: self.life.jobs.signer.sign(caller), ADDRESS: "203.0.113.7"}
        return await self.http.request(method, path, headers={**(headers or {}), **ours}, json=json)

    async def listed(self, query: str, caller: Identity = OPERATOR) -> list[str]:
        """List the ids of dead letters."""
        answer = await self.ask("GET", f"{LETTERS}{query}", caller)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["dead_letters"]]

    async def audit(self) -> list[tuple[str, str, str]]:
        """Read the entries that wait: action, who, and to what."""
        rows = await self.life.database.read(entries_of)
        entries: list[dict[str, Any]] = [json.loads(row["body"]) for row in rows]
        assert {each["address"] for each in entries} <= {"203.0.113.7"}
        return [(each["action"], each["account"], each["subject"]) for each in entries]


def entries_of(connection: Connection) -> list[Row]:
    """Read the entries that wait, in the order in which they were written."""
    order = order_of_writing(connection)
    return connection.execute(f"SELECT body FROM audit_out ORDER BY at, {order}")  # noqa: S608 - the engine's own column


@pytest.fixture
async def asked(life: Life) -> AsyncIterator[Asked]:
    app = app_of(life.jobs, life.lending, Faults.none())
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://jobs") as http:
        yield Asked(life, http)


async def dead(life: Life, owner: Identity = A) -> Job:
    (job,) = await life.accept(owner=owner)
    await life.die(job)
    return job


async def test_an_operator_sees_the_letters_of_everybody_who_asks_for_them(asked: Asked) -> None:
    mine, theirs = await dead(asked.life), await dead(asked.life, B)

    assert await asked.listed("") == []
    assert set(await asked.listed("?all=1")) == {mine.id, theirs.id}
    assert await asked.listed("?owner=B") == [theirs.id]
    assert await asked.listed("?all=0", OWNER) == [mine.id]
    shown = (await asked.ask("GET", f"{LETTERS}/{theirs.id}?all=1")).json()
    assert (shown["owner"], shown["image"]["image_id"]) == ("B", "B-1")


async def test_without_asking_an_operator_finds_no_letter_of_others(asked: Asked) -> None:
    job = await dead(asked.life)

    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/replay")):
        for query in ("", "?owner=B"):
            answer = await asked.ask(method, f"{LETTERS}/{job.id}{path}{query}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await asked.listed("?all=1") == [job.id]


async def test_who_is_no_operator_may_not_ask_for_others(asked: Asked) -> None:
    job = await dead(asked.life)
    every = {"all": True}
    for query in ("?all=1", "?owner=A", "?owner=B", "?owner=A&all=1"):
        for method, path, body in (
            ("GET", "", None),
            ("GET", f"/{job.id}", None),
            ("DELETE", f"/{job.id}", None),
            ("POST", f"/{job.id}/replay", None),
            ("POST", "/replay", every),
            ("POST", "/discard", every),
        ):
            answer = await asked.ask(method, f"{LETTERS}{path}{query}", OWNER, body)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    assert await asked.listed("", OWNER) == [job.id]
    assert await asked.audit() == []


async def test_what_cannot_be_meant_is_named(asked: Asked) -> None:
    for path, field in (
        (f"{LETTERS}?owner=A&all=1", "owner"),
        (f"{LETTERS}?everybody=1", "everybody"),
        (f"{LETTERS}/x?everybody=1", "everybody"),
        ("/api/v1/usage?month=2026-13", "month"),
        ("/api/v1/usage?month=2026-1", "month"),
        ("/api/v1/usage?month=%D9%A2026-01", "month"),
        ("/api/v1/usage?owner=B", "owner"),
        ("/api/v1/usage?key_id=" + "x" * 65, "key_id"),
    ):
        answer = await asked.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_what_an_operator_replays_belongs_to_its_owner(asked: Asked) -> None:
    old = await dead(asked.life)

    answer = await asked.ask(
        "POST",
        f"{LETTERS}/{old.id}/replay?all=1",
        headers={"Prefer": "wait=5", "Accept": "image/*", "Idempotency-Key": "k"},
    )
    again = await asked.ask(
        "POST", f"{LETTERS}/{old.id}/replay?all=1", headers={"Idempotency-Key": "k"}
    )

    assert (answer.status_code, again.json()) == (202, answer.json())
    new = await asked.life.jobs.get(answer.json()["job_id"], A)
    assert (new.owner, new.key_id, new.place.replay_of) == ("A", None, old.id)
    assert await asked.audit() == [("letter.replayed", "O", old.id)]
    foreign = await asked.ask("GET", f"/api/v1/jobs/{new.id}")
    assert foreign.status_code == 404


@pytest.mark.both_engines
async def test_an_operator_decides_about_many_letters_of_everybody(asked: Asked) -> None:
    first, second = await dead(asked.life), await dead(asked.life, B)
    third = await dead(asked.life, B)

    replayed = await asked.ask("POST", f"{LETTERS}/replay?owner=A", json={"all": True})
    wrong = await asked.ask("POST", f"{LETTERS}/discard?owner=A", json={"ids": [second.id]})
    discarded = await asked.ask("POST", f"{LETTERS}/discard?all=1", json={"all": True})

    assert [each["id"] for each in replayed.json()["decided"]] == [first.id]
    assert [each["code"] for each in wrong.json()["decided"]] == ["not_found"]
    assert {each["id"] for each in discarded.json()["decided"]} == {second.id, third.id}
    assert sorted(await asked.audit()) == sorted(
        [
            ("letter.replayed", "O", first.id),
            ("letter.discarded", "O", second.id),
            ("letter.discarded", "O", third.id),
        ]
    )


async def test_what_owners_do_is_written_down(asked: Asked) -> None:
    letter, job, kept = [await dead(asked.life) for _ in range(3)]
    steps = [{"op": "flip"}]
    await asked.ask("POST", "/api/v1/presets", OWNER, {"name": "p", "steps": steps})

    await asked.ask("POST", f"{LETTERS}/{letter.id}/replay", OWNER)
    await asked.ask("POST", f"/api/v1/jobs/{job.id}/replay", OWNER)
    await asked.ask("DELETE", f"{LETTERS}/{kept.id}", OWNER)
    await asked.ask("DELETE", "/api/v1/presets/p", OWNER)
    for refused in (f"{LETTERS}/{kept.id}", "/api/v1/presets/p"):
        await asked.ask("DELETE", refused, OWNER)

    assert await asked.audit() == [
        ("letter.replayed", "A", letter.id),
        ("job.replayed", "A", job.id),
        ("letter.discarded", "A", kept.id),
        ("preset.deleted", "A", "p"),
    ]


async def test_a_batch_that_is_replayed_is_written_down(asked: Asked) -> None:
    output = {"a": [{"op": "resize", "width": 32}]}
    items = [{"input": {"image_id": "A-1"}, "outputs": output}]
    made = await asked.ask("POST", "/api/v1/batches", OWNER, {"items": items})
    batch_id = made.json()["batch_id"]
    (job,) = await asked.life.jobs.listed(A, Listing(limit=2))
    await asked.life.fail(await asked.life.claimed(job), "corrupt")

    answer = await asked.ask("POST", f"/api/v1/batches/{batch_id}/replay", OWNER)

    assert answer.status_code == 202
    assert await asked.audit() == [("batch.replayed", "A", batch_id)]


async def test_the_queue_is_shown_to_operators_by_lane(asked: Asked) -> None:
    life = asked.life
    await life.accept(3, A, terms=Terms(priority=Priority.HIGH))
    life.clock.now += 10
    first, failing, _ = await life.accept(3, B)
    await life.relayed()
    await life.claimed(first)
    for _ in range(2):
        await life.fail(await life.claimed(failing))
        await life.relayed()
    life.clock.now += 5

    told = (await asked.ask("GET", "/api/v1/queue")).json()
    empty = told["lanes"].pop("low")

    assert (told["waiting"], told["resting"], told["processing"]) == (4, 1, 1)
    assert told["oldest_s"] == 15.0
    assert {name: lane["waiting"] for name, lane in told["lanes"].items()} == {
        "high": 3,
        "normal": 1,
    }
    assert told["lanes"]["normal"]["resting"] == told["lanes"]["normal"]["processing"] == 1
    assert empty == {"waiting": 0, "resting": 0, "processing": 0, "oldest_at": None}


async def test_the_queue_is_for_operators(asked: Asked) -> None:
    answer = await asked.ask("GET", "/api/v1/queue", OWNER)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_usage_joins_what_jobs_and_uploads_count(asked: Asked) -> None:
    asked.life.taken = IntakeUsage(
        keys=[
            KeyIntake(key_id="", stored_images=1, stored_bytes=9),
            KeyIntake(key_id="k1", images=1, bytes_in=5, stored_images=2, stored_bytes=7),
        ]
    )
    key = OWNER.model_copy(update={"key_id": "k1"})
    (job,) = await asked.life.accept(1, key)
    await asked.life.finish(await asked.life.claimed(job))
    month = "1970-01"

    told = (await asked.ask("GET", f"/api/v1/usage?month={month}", OWNER)).json()
    one = (await asked.ask("GET", f"/api/v1/usage?month={month}&key_id=k1", OWNER)).json()
    now = (await asked.ask("GET", "/api/v1/usage", OWNER)).json()
    other = (await asked.ask("GET", "/api/v1/usage?month=1969-12", OWNER)).json()

    assert [each["key_id"] for each in told["keys"]] == [None, "k1"]
    assert (told["month"], told["total"]["jobs"], told["total"]["stored_bytes"]) == (month, 1, 16)
    assert [each["key_id"] for each in one["keys"]] == ["k1"]
    assert (one["total"]["outputs"], one["total"]["bytes_in"]) == (1, 5)
    assert now == told
    assert other["total"]["jobs"] == 0
