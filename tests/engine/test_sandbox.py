"""The sandbox with real children: what holds, what a death costs, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pyvips

from imagemill.contracts.facts import Format, Limits
from imagemill.engine.layers import State
from imagemill.engine.nursery import ENVIRONMENT
from imagemill.engine.orders import RenderOrder
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import Reuse, SandboxSettings
from imagemill.errors import (
    DecoderCrashed,
    ImagemillError,
    MemoryLimit,
    OutputImpossible,
    Timeout,
    Unavailable,
    UnsupportedFormat,
)

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PATIENCE_S = 20.0
SMALL = RenderOrder(
    limits=Limits(),
    outputs={
        "small": [{"op": "resize", "width": 40, "height": 30}, {"op": "convert", "format": "png"}],
        "facts": [{"op": "metadata"}],
    },
)
LONG = RenderOrder(
    limits=Limits(),
    outputs={"long": [{"op": "convert", "format": "avif", "effort": 9, "lossless": True}]},
)
"""Takes seconds: long enough to be interrupted on any machine."""


def file(data: bytes) -> int:
    """Keep bytes in a memory file, open for reading and writing."""
    descriptor = os.memfd_create("original")
    os.write(descriptor, data)
    return descriptor


@pytest.fixture(scope="module")
def noise() -> bytes:
    """Draw a picture that is hard to encode: 2000 × 1500 px of noise."""
    drawn = pyvips.Image.gaussnoise(2000, 1500, mean=128, sigma=60, seed=1)
    data: bytes = drawn.cast("uchar").bandjoin([drawn.cast("uchar")] * 2).jpegsave_buffer(Q=80)
    return data


@pytest.fixture
def photo(noise: bytes) -> Iterator[int]:
    descriptor = file(noise)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def large() -> Iterator[int]:
    """Draw 9000 × 9000 px as a progressive JPEG: decoded as a whole, it needs 240 MB."""
    black = pyvips.Image.black(9000, 9000, bands=3).copy(interpretation="srgb")
    descriptor = file(black.jpegsave_buffer(Q=50, interlace=True))
    yield descriptor
    os.close(descriptor)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(children=2)) as ready:
        yield ready


@asynccontextmanager
async def small_sandbox(
    *, memory_mb: int = 1536, max_output_bytes: int = 256_000_000, reuse: Reuse = Reuse.OWNER
) -> AsyncIterator[Sandbox]:
    """Start one with a limit of its own."""
    settings = SandboxSettings(
        children=2, memory_mb=memory_mb, max_output_bytes=max_output_bytes, reuse=reuse
    )
    async with Sandbox(settings) as ready:
        yield ready


def zygote(sandbox: Sandbox) -> int:
    """Tell the zygote's process id."""
    assert sandbox._crew._nursery is not None
    return sandbox._crew._nursery.pid


def children(sandbox: Sandbox) -> dict[int, str | None]:
    """List living children: process id to owner."""
    assert sandbox._crew._nursery is not None
    found = sandbox._crew._nursery.children
    return {each.pid: each.owner for each in found if each.pid is not None}


def serving(sandbox: Sandbox, owner: str = "anna") -> list[int]:
    """List the children that serve, or have served, an owner."""
    return [pid for pid, whose in children(sandbox).items() if whose == owner]


def children_by_kernel(pid: int) -> set[int]:
    """List the children of a process, dead ones that nobody has reaped among them."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(each) for each in listed.split()}


async def working(sandbox: Sandbox, owner: str) -> int:
    """Wait until a child works for this owner, and tell its process id."""
    await until(lambda: any(seconds_of_work(pid) > 0.05 for pid in serving(sandbox, owner)))
    return serving(sandbox, owner)[0]


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells: the kernel's view of other processes."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - as said above.
            await asyncio.sleep(0)


def seconds_of_work(pid: int) -> float:
    """Read how long a process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def gone(pid: int) -> bool:
    """Wait for the end of a process that need not be ours."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], PATIENCE_S)[0])
    finally:
        os.close(watched)


def status(pid: int) -> dict[str, str]:
    """Read what the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def probe(sandbox: Sandbox, original: int, owner: str = "anna") -> Format:
    """Ask for the format of a picture."""
    return (await sandbox.probe(original, limits=Limits(), owner=owner, timeout_s=10)).format


async def render(
    sandbox: Sandbox, original: int, order: RenderOrder, owner: str = "anna", timeout_s: float = 30
) -> None:
    """Render, and throw the outputs away."""
    (await sandbox.render(original, order, owner=owner, timeout_s=timeout_s)).close()


async def test_a_probe_tells_the_facts(sandbox: Sandbox, photo: int) -> None:
    facts = await sandbox.probe(photo, limits=Limits(), owner="anna", timeout_s=10)

    assert (facts.format, facts.width, facts.height) == (Format.JPEG, 2000, 1500)


async def test_each_output_lies_in_a_file_of_its_own(sandbox: Sandbox, photo: int) -> None:
    with await sandbox.render(photo, SMALL, owner="anna", timeout_s=10) as rendering:
        small = os.read(rendering.files["small"], 8)
        facts = os.read(rendering.files["facts"], 1)

    assert small == b"\x89PNG\r\n\x1a\n"
    assert facts == b"{"


async def test_one_order_costs_one_decode_and_tells_its_price(sandbox: Sandbox, photo: int) -> None:
    with await sandbox.render(photo, SMALL, owner="anna", timeout_s=10) as rendering:
        answer = rendering.answer

    assert answer.decodes == 1
    assert answer.cpu_s > 0
    assert answer.peak_memory_bytes > 10_000_000


async def test_long_work_tells_how_far_it_is(sandbox: Sandbox, photo: int) -> None:
    steps = [{"op": "flip"}, {"op": "convert", "format": "png"}]
    order = RenderOrder(limits=Limits(), outputs={str(each): steps for each in range(12)})
    told: list[int] = []

    rendering = await sandbox.render(photo, order, owner="anna", timeout_s=50, progress=told.append)
    rendering.close()

    assert len(told) >= 3
    assert told == sorted(set(told))
    assert all(0 < each < 100 for each in told)


async def test_a_picture_that_cannot_be_read_is_refused_by_type(sandbox: Sandbox) -> None:
    text = file(b"just some words, and no picture at all")

    with pytest.raises(UnsupportedFormat):
        await probe(sandbox, text)

    os.close(text)


async def test_the_callers_file_keeps_its_position(sandbox: Sandbox, photo: int) -> None:
    os.lseek(photo, 7, os.SEEK_SET)

    await probe(sandbox, photo)

    assert os.lseek(photo, 0, os.SEEK_CUR) == 7


async def test_two_children_may_read_the_same_file_at_once(sandbox: Sandbox, photo: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(render(sandbox, photo, SMALL, owner=f"owner {number % 3}"))

    assert sandbox.occupancy().deaths == 0


async def test_every_layer_holds_here(sandbox: Sandbox) -> None:
    found = {layer.name: layer.state for layer in sandbox.layers()}

    assert set(found) == {"nobody", "limits", "no_new_privileges", "landlock", "seccomp"}
    assert State.OFF not in found.values()


async def test_the_kernel_confirms_the_locks_of_a_child(sandbox: Sandbox, photo: int) -> None:
    await probe(sandbox, photo)

    assert serving(sandbox)
    for pid in serving(sandbox):
        told = status(pid)
        assert told["Seccomp"] == "2"
        assert told["NoNewPrivs"] == "1"
        assert os.geteuid() != 0 or told["Uid"].split() == ["65534"] * 4
        assert os.geteuid() != 0 or told["CapEff"] == "0" * 16


async def test_a_child_holds_its_socket_and_nothing_else(sandbox: Sandbox, photo: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root may look into a process that is not dumpable.")

    await render(sandbox, photo, SMALL)

    for pid in serving(sandbox):
        held = open_files(pid)
        assert set(held) == {"0", "1", "2", "3"}
        assert {held["0"], held["1"], held["2"]} == {"/dev/null"}
        assert held["3"].startswith("socket:")


async def test_forking_is_safe_for_the_zygote_has_one_thread(sandbox: Sandbox, photo: int) -> None:
    await render(sandbox, photo, SMALL)

    assert status(zygote(sandbox))["Threads"] == "1"


async def test_no_secret_reaches_the_sandbox(photo: int) -> None:
    secret = os.urandom(16).hex()
    os.environ["IMAGEMILL_TEST_SECRET"] = secret

    async with small_sandbox() as sandbox:
        await probe(sandbox, photo)
        seen = environment(zygote(sandbox))
        remembered = memory(zygote(sandbox))

    del os.environ["IMAGEMILL_TEST_SECRET"]
    assert seen == dict(ENVIRONMENT)
    assert secret.encode() not in remembered


def open_files(pid: int) -> dict[str, str]:
    """Read what a process holds open: descriptor to what it leads to."""
    found = {}
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # The folder that is being read here.
            found[each.name] = str(each.readlink())
    return found


def environment(pid: int) -> dict[str, str]:
    """Read the environment that a process was started with."""
    words = Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def memory(pid: int) -> bytes:
    """Read all that a process could have written into its memory."""
    pieces = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as pages:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(each, 16) for each in span.split("-"))
                pages.seek(start)
                pieces.append(pages.read(end - start))
    return b"".join(pieces)


async def test_work_is_killed_at_its_deadline(sandbox: Sandbox, photo: int) -> None:
    task = asyncio.create_task(render(sandbox, photo, LONG, timeout_s=0.5))
    pid = await working(sandbox, "anna")

    with pytest.raises(Timeout) as refusal:
        await task

    assert refusal.value.limit == {"timeout_s": 0.5}
    assert gone(pid)


async def test_cancelled_work_is_killed(sandbox: Sandbox, photo: int) -> None:
    task = asyncio.create_task(render(sandbox, photo, LONG))
    pid = await working(sandbox, "anna")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert gone(pid)


async def test_only_its_own_order_sees_a_child_die(sandbox: Sandbox, photo: int) -> None:
    doomed = asyncio.create_task(render(sandbox, photo, LONG, owner="anna"))
    pid = await working(sandbox, "anna")
    other = asyncio.create_task(probe(sandbox, photo, owner="ben"))

    os.kill(pid, signal.SIGSEGV)

    with pytest.raises(DecoderCrashed):
        await doomed
    assert await other is Format.JPEG
    assert sandbox.occupancy().deaths == 1


async def test_a_dead_child_is_replaced(sandbox: Sandbox, photo: int) -> None:
    doomed = asyncio.create_task(render(sandbox, photo, LONG))
    os.kill(await working(sandbox, "anna"), signal.SIGKILL)
    with pytest.raises(DecoderCrashed):
        await doomed

    assert await probe(sandbox, photo) is Format.JPEG


async def test_nobody_sees_an_idle_child_die(sandbox: Sandbox, photo: int) -> None:
    await probe(sandbox, photo)
    for pid in children(sandbox):
        os.kill(pid, signal.SIGKILL)

    assert await probe(sandbox, photo) is Format.JPEG
    assert sandbox.occupancy().deaths == 0


async def test_work_beyond_its_processor_time_is_a_timeout(photo: int) -> None:
    async with Sandbox(SandboxSettings(children=1, cpu_s=1)) as sandbox:
        with pytest.raises(Timeout) as refusal:
            await render(sandbox, photo, LONG)

    assert refusal.value.limit == {"cpu_s": 1}


async def test_a_dead_zygote_is_started_again(sandbox: Sandbox, photo: int) -> None:
    os.kill(zygote(sandbox), signal.SIGKILL)

    async with asyncio.timeout(PATIENCE_S):
        while sandbox.occupancy().restarts == 0:
            await tried(sandbox, photo)

    assert await probe(sandbox, photo) is Format.JPEG


async def tried(sandbox: Sandbox, original: int) -> Format | None:
    """Probe; an order that is under way while the zygote dies may be given back."""
    try:
        return await probe(sandbox, original)
    except Unavailable:
        return None


async def test_work_under_a_zygote_that_dies_can_be_tried_again(
    sandbox: Sandbox, photo: int
) -> None:
    doomed = asyncio.create_task(render(sandbox, photo, LONG))
    await working(sandbox, "anna")

    os.kill(zygote(sandbox), signal.SIGKILL)

    with pytest.raises(Unavailable):
        await doomed


async def test_too_much_memory_is_refused_by_type(large: int) -> None:
    order = RenderOrder(limits=Limits(), outputs={"flipped": [{"op": "flip"}]})

    async with small_sandbox(memory_mb=256) as sandbox:
        with pytest.raises(MemoryLimit):
            await render(sandbox, large, order)


async def test_an_output_beyond_its_limit_is_refused_by_type(photo: int) -> None:
    order = RenderOrder(limits=Limits(), outputs={"raw": [{"op": "convert", "format": "png"}]})

    async with small_sandbox(max_output_bytes=100_000) as sandbox:
        with pytest.raises(OutputImpossible) as refusal:
            await render(sandbox, photo, order)

    assert refusal.value.limit == {"max_output_bytes": 100_000}


async def test_too_many_files_in_one_order_are_refused(sandbox: Sandbox, photo: int) -> None:
    steps = [{"op": "convert", "format": "png"}]
    order = RenderOrder(limits=Limits(), outputs={str(each): steps for each in range(200)})

    with pytest.raises(OutputImpossible):
        await render(sandbox, photo, order)


async def test_work_is_bounded(sandbox: Sandbox, photo: int) -> None:
    most_at_work, most_children = 0, 0

    async def one(number: int) -> None:
        nonlocal most_at_work, most_children
        await probe(sandbox, photo, owner=f"owner {number % 5}")
        most_at_work = max(most_at_work, sandbox.occupancy().working)
        most_children = max(most_children, sandbox.occupancy().children)

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(number))

    bounds = sandbox.settings
    assert most_at_work <= bounds.children
    # Children that were let go need a moment to end.
    assert most_children <= 2 * (bounds.children + bounds.kept_children + bounds.spare_children)


async def test_who_comes_first_is_served_first(photo: int) -> None:
    finished = list[int]()

    async def one(number: int) -> None:
        await probe(narrow, photo, owner=f"owner {number % 3}")
        finished.append(number)

    async with Sandbox(SandboxSettings(children=1)) as narrow, asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(number))

    assert finished == list(range(50))


async def test_no_child_serves_two_owners(sandbox: Sandbox, photo: int) -> None:
    served: dict[int, set[str]] = {}

    for owner in ["anna", "ben", "anna", "cleo", "ben", "dora", "anna"]:
        await probe(sandbox, photo, owner)
        for pid, whose in children(sandbox).items():
            served.setdefault(pid, set()).update({whose} if whose else set())

    assert all(len(whose) <= 1 for whose in served.values())


async def test_a_child_that_is_never_reused_ends_after_its_order(photo: int) -> None:
    async with small_sandbox(reuse=Reuse.NEVER) as sandbox:
        before = set(children(sandbox))
        await probe(sandbox, photo)

        assert all(gone(pid) for pid in before)


@pytest.mark.parametrize("reuse", list(Reuse))
async def test_nothing_is_left_behind_after_many_orders(reuse: Reuse, photo: int) -> None:
    orders = 300 if reuse is Reuse.OWNER else 40
    before = set(open_files(os.getpid()))

    async with small_sandbox(reuse=reuse) as sandbox:
        held = len(open_files(os.getpid()))
        for number in range(orders):
            await probe(sandbox, photo, owner=f"owner {number // 20}")
        kept = sandbox.settings.kept_children + sandbox.settings.spare_children
        parent = zygote(sandbox)
        await until(lambda: sandbox.occupancy().children <= kept)
        await until(lambda: children_by_kernel(parent) == set(children(sandbox)))

        assert len(open_files(os.getpid())) <= held + kept
    assert set(open_files(os.getpid())) == before
    assert gone(parent)


async def test_a_closed_sandbox_takes_no_more_orders(photo: int) -> None:
    async with small_sandbox() as sandbox:
        pass

    with pytest.raises(Unavailable):
        await probe(sandbox, photo)


async def test_a_sandbox_that_cannot_start_says_so() -> None:
    sandbox = Sandbox(SandboxSettings(start_s=1))
    object.__setattr__(
        sandbox._crew, "_settings", sandbox.settings.model_copy(update={"start_s": 0})
    )

    with pytest.raises(ImagemillError, match="did not start"):
        await sandbox.__aenter__()


def test_children_die_with_a_parent_that_is_killed() -> None:
    program = subprocess.Popen(
        [sys.executable, str(HERE / "parent.py")], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    pids = [int(each) for each in program.stdout.readline().split()]

    program.kill()
    program.wait()
    program.stdout.close()

    assert len(pids) >= 2
    assert all(gone(pid) for pid in pids)
