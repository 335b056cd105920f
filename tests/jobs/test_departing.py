"""An account that is gone leaves nothing, and takes nothing from others."""

from __future__ import annotations

from fastapi import FastAPI

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.transport import InMemory
from imagemill.faults import Faults
from imagemill.idempotency import Remembered
from imagemill.idempotency import records as answers
from imagemill.jobs.departing import Departing
from imagemill.jobs.presets import draft_of
from imagemill.jobs.routes import app_of
from imagemill.jobs.states import Status
from imagemill.storage import Bucket
from tests.jobs.life import A, B, Life, plan

WORK = "aa" * 32
KEY = f"aa/{WORK}-1"
PRESET = {"name": "card", "steps": [{"op": "resize", "width": 32}]}
OF_OWNERS = ("jobs", "presets", "preset_versions", "idempotency", "owners", "events", "batches")


def client(life: Life) -> ServiceClient:
    signer = Signer(b"s" * 32)
    app: FastAPI = app_of(life.jobs, life.lending, Faults.none())
    return ServiceClient(
        InMemory(app), signer, Identity(account="users", scopes=frozenset({"service"}))
    )


async def owners(life: Life, table: str) -> list[str]:
    rows = await life.database.read(lambda each: each.execute(f"SELECT owner FROM {table}"))  # noqa: S608 - names of this file
    return sorted({row["owner"] for row in rows})


async def kept_answer(life: Life, owner: Identity) -> None:
    told = Remembered("meaning", 201, None, "{}", "x", life.clock.now)
    await life.database.run(lambda each: answers.keep(each, owner.account, "key", told))


async def test_all_that_an_account_has_is_gone_and_nothing_of_another(life: Life) -> None:
    for owner in (A, B):
        await life.accept(3, owner)
        await life.jobs.presets.save(owner.account, draft_of(PRESET))
        await kept_answer(life, owner)
    assert await owners(life, "jobs") == ["A", "B"]

    await client(life).call("POST", "/internal/accounts/A/delete")

    told = {table: await owners(life, table) for table in OF_OWNERS}
    assert told == {table: ["B"] for table in OF_OWNERS} | {"batches": []}
    assert await life.count("jobs") == await life.unfinished(B) == 3


async def test_a_job_under_way_is_cancelled_and_its_worker_learns_of_it(life: Life) -> None:
    job = (await life.accept(1))[0]
    claim = await life.claimed(job)

    await Departing(life.database, life.ledger, life.bells).forget("A")

    assert await life.finish(claim) is not None
    assert await life.count("jobs") == 0


async def test_results_go_with_the_next_sweep_unless_another_has_them_too(life: Life) -> None:
    for owner in (A, B):
        job = await life.jobs.accept(plan(owner, works=[WORK]), owner)
        if job.standing.status is not Status.COMPLETED:
            assert await life.finish(await life.claimed(job)) is None
    departing = Departing(life.database, life.ledger, life.bells)

    await departing.forget("A")
    await life.pass_(1)
    assert await life.storage.size(Bucket.RESULTS, KEY) is not None
    await departing.forget("B")
    await life.pass_(1)

    assert await life.storage.size(Bucket.RESULTS, KEY) is None


async def test_to_forget_twice_does_no_harm(life: Life) -> None:
    await life.accept(2)
    departing = Departing(life.database, life.ledger, life.bells)

    await departing.forget("A")
    await departing.forget("A")

    assert await life.count("jobs") == 0
