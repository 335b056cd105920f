"""The client against a real system over real HTTP."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.client import BlockingClient, Client, ProblemError, Status
from imagemill.client.terms import Outputs, Steps
from imagemill.operations import operations
from tests.cli.programs import Server, draw, made

pytestmark = pytest.mark.server

SMALL_STEPS: Steps = [{"op": "resize", "width": 16}, {"op": "convert", "format": "webp"}]
SMALL: Outputs = {"small": SMALL_STEPS}


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.address, server.key) as client:
        yield client


async def test_a_picture_goes_in_and_a_result_comes_out(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", (64, 48), "coral"))
    accepted = await client.submit(image.image_id, SMALL)

    job = await client.wait(accepted.job_id, timeout_s=30)
    path = await client.download(job.outputs["small"], tmp_path / "small.webp")

    assert (image.format, image.width, image.height) == ("png", 64, 48)
    assert (job.status, job.outputs["small"].width, job.decodes) == (Status.COMPLETED, 16, 1)
    assert made(path) == ("WEBP", (16, 12))


async def test_a_path_bytes_and_a_stream_are_the_same_image(client: Client, tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", colour="purple")
    whole = path.read_bytes()

    async def stream() -> AsyncIterator[bytes]:
        yield whole[:100]
        yield whole[100:]

    images = [await client.upload(source) for source in (path, whole, stream())]

    assert images[0] == images[1] == images[2]


async def test_progress_of_an_upload_ends_at_its_size(client: Client, tmp_path: Path) -> None:
    path, told = draw(tmp_path / "a.png", (300, 200)), list[int]()

    image = await client.upload(path, progress=told.append)

    assert told[-1] == image.size_bytes


async def test_the_same_job_again_is_completed_at_once(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", colour="maroon"))
    await client.wait((await client.submit(image.image_id, SMALL)).job_id)

    again = await client.submit(image.image_id, SMALL)
    fresh = await client.submit(image.image_id, SMALL, fresh=True)

    assert (again.status, again.cached) == (Status.COMPLETED, True)
    assert not fresh.cached


async def test_what_happens_to_a_job_is_told_while_it_happens(
    client: Client, tmp_path: Path
) -> None:
    image = await client.upload(draw(tmp_path / "a.png"))
    accepted = await client.submit(image.image_id, SMALL, fresh=True)

    told = [event async for event in client.follow(accepted.job_id)]
    rest = [event async for event in client.follow(accepted.job_id, after=told[0].id)]

    assert [each.type for each in told] == ["job.queued", "job.started", "job.completed"]
    assert rest == told[1:]


async def test_who_waits_with_the_order_gets_the_ended_job(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", colour="plum"))

    accepted = await client.submit(image.image_id, SMALL, wait_s=30)

    assert accepted.job
    assert accepted.job.outputs["small"].width == 16
    assert accepted.job == await client.job(accepted.job_id)


async def test_a_dry_run_tells_sizes_and_makes_no_job(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", colour="peru"))

    predicted = await client.dry_run(image.image_id, SMALL)

    small = predicted.outputs["small"]
    assert (small.width, small.height) == (16, 12)
    assert [step["op"] for step in small.steps] == ["resize", "convert"]


async def test_a_running_job_is_cancelled_once(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", (3000, 3000)))
    slow: Outputs = {"slow": [{"op": "filter", "type": "median", "size": 15}]}
    job_id = (await client.submit(image.image_id, slow, fresh=True)).job_id

    cancelled = await client.cancel(job_id)
    with pytest.raises(ProblemError) as caught:
        await client.cancel(job_id)

    assert (cancelled.status, caught.value.code) == (Status.CANCELLED, "conflict")
    assert (await client.wait(job_id)).status is Status.CANCELLED


async def test_jobs_are_listed_over_as_many_pages_as_it_takes(
    client: Client, tmp_path: Path
) -> None:
    image = await client.upload(draw(tmp_path / "a.png"))
    made = [(await client.submit(image.image_id, SMALL)).job_id for _ in range(101)]

    listed = [job.job_id async for job in client.jobs(limit=101)]
    ended = [job.status async for job in client.jobs(status=Status.COMPLETED, limit=2)]

    assert listed == made[::-1]
    assert ended == [Status.COMPLETED] * 2


async def test_what_is_no_picture_is_refused_with_a_code(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        await client.upload(b"Dear Sir or Madam")

    assert (caught.value.code, caught.value.status) == ("unsupported_format", 415)


async def test_every_wrong_field_is_named_at_once(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png"))
    wrong = {"small": [{"op": "resize", "width": 0, "colour": "red"}, {"op": "blur", "sigma": -1}]}

    with pytest.raises(ProblemError) as caught:
        await client.submit(image.image_id, wrong)

    named = {each.field for each in caught.value.errors}
    assert named == {
        "outputs.small.0.width",
        "outputs.small.0.colour",
        "outputs.small.1.sigma",
    }


async def test_a_job_that_is_not_ours_is_not_found(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        await client.job("00000000-0000-0000-0000-000000000000")

    assert caught.value.code == "not_found"


async def test_a_wrong_key_is_refused(server: Server) -> None:
    async with Client(server.address, "im_wrong") as stranger:
        with pytest.raises(ProblemError) as caught:
            await stranger.operations()

    assert caught.value.code == "unauthenticated"


async def test_the_server_tells_its_operations(client: Client) -> None:
    listed = {each.name: each for each in await client.operations()}

    assert set(listed) == set(operations())
    assert listed["resize"].parameters["properties"]["width"]
    assert listed["resize"].examples[0].title


def test_programs_without_an_event_loop_have_the_same_calls(server: Server, tmp_path: Path) -> None:
    whole = draw(tmp_path / "a.png", (40, 30), "gold").read_bytes()

    with BlockingClient(server.address, server.key) as client:
        image = client.upload(io.BytesIO(whole))
        changes = list(client.watch(client.submit(image.image_id, SMALL).job_id))
        told = [event.type for event in client.follow(changes[-1].job_id)]
        first = next(client.jobs(limit=1))
        job = client.wait(changes[-1].job_id)
        path = client.download(job.outputs["small"], tmp_path / "small.webp")
        fetched = client.fetch(job.outputs["small"])
        names = [each.name for each in client.operations()]
        is_ready = client.is_ready()

    assert changes[-1].status is Status.COMPLETED
    assert (told[-1], first) == ("job.completed", changes[-1])
    assert path.read_bytes() == fetched
    assert (job, client is None) == (changes[-1], False)
    assert ("resize" in names, is_ready) == (True, True)


def test_what_is_not_there_cannot_be_deleted(server: Server) -> None:
    with (
        BlockingClient(server.address, server.key) as client,
        pytest.raises(ProblemError),
    ):
        client.delete_image("nobody", force=True)


def test_programs_without_an_event_loop_may_wait_foresee_and_cancel(
    server: Server, tmp_path: Path
) -> None:
    path = draw(tmp_path / "a.png", (40, 30), "tan")

    with BlockingClient(server.address, server.key) as client:
        image = client.upload(path)
        predicted = client.dry_run(image.image_id, SMALL)
        accepted = client.submit(image.image_id, SMALL, wait_s=30)
        with pytest.raises(ProblemError) as caught:
            client.cancel(accepted.job_id)

    assert accepted.job
    assert predicted.outputs["small"].width == accepted.job.outputs["small"].width == 16
    assert caught.value.code == "conflict"


async def test_a_preset_is_saved_used_found_and_removed(client: Client, tmp_path: Path) -> None:
    image = await client.upload(draw(tmp_path / "a.png", (64, 48), "salmon"))
    first = await client.save_preset("client-card", SMALL_STEPS, description="For lists.")
    second = await client.save_preset("client-card", [{"op": "flip"}])

    accepted = await client.submit(
        image.image_id, {"a": {"preset": "client-card", "version": 1}}, wait_s=30
    )
    versions = [each async for each in client.preset_versions("client-card", limit=9)]
    listed = [each async for each in client.presets()]

    assert accepted.job
    assert accepted.job.outputs["a"].width == 16
    assert versions == [second, first]
    assert second in listed
    assert await client.preset("client-card") == second
    assert await client.preset("client-card", version=1) == first
    await client.remove_preset("client-card")
    with pytest.raises(ProblemError) as caught:
        await client.preset("client-card")
    assert caught.value.code == "not_found"


@pytest.mark.parametrize("name", ["a?version=1", "a#b", "..", "é"])
async def test_what_is_no_name_reaches_no_other_route(client: Client, name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await client.remove_preset(name)

    assert caught.value.code == "not_found"


def test_presets_are_kept_without_an_event_loop(server: Server) -> None:
    with BlockingClient(server.address, server.key) as client:
        for steps in (SMALL_STEPS, [{"op": "flip"}]):
            saved = client.save_preset("blocking-card", steps)

        assert client.preset("blocking-card", version=2) == saved
        assert saved in list(client.presets())
        assert [each.version for each in client.preset_versions("blocking-card", limit=1)] == [2]
        client.remove_preset("blocking-card")
        assert saved not in list(client.presets())
