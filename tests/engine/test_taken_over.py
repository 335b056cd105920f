"""What a child says that a picture has taken over: it costs its own order, and little."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from imagemill.contracts.facts import Limits
from imagemill.engine import wire
from imagemill.engine.nursery import Child
from imagemill.engine.orders import Answer
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.errors import Corrupt, DecoderCrashed

ANSWER = Answer(error="corrupt", message="It is broken.").model_dump_json().encode()
HELLO = wire.Hello().model_dump_json().encode()


@dataclass
class Crew:
    """Lend one child, and tell whether it came back to serve again."""

    child: Child
    kept: list[Child] = field(default_factory=list)
    killed: list[Child] = field(default_factory=list)

    async def take(self, owner: str) -> Child:
        self.child.owner = owner
        return self.child

    def give_back(self, child: Child) -> None:
        self.kept.append(child)

    def throw_back(self, child: Child) -> None:
        self.killed.append(child)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(0)
        yield ours, theirs


@pytest.fixture
def voice(ends: tuple[socket.socket, socket.socket]) -> socket.socket:
    """Give the end at which the child speaks."""
    return ends[1]


@pytest.fixture
async def crew(ends: tuple[socket.socket, socket.socket]) -> Crew:
    return Crew(Child(1, ends[0]))


@pytest.fixture
def sandbox(crew: Crew) -> Sandbox:
    made = Sandbox(SandboxSettings(children=1))
    object.__setattr__(made, "_crew", crew)
    return made


async def probe(sandbox: Sandbox) -> None:
    """Give the child an order to answer."""
    with open("/dev/null", "rb") as nothing:  # noqa: ASYNC230, PTH123 - what a child never reads.
        await sandbox.probe(nothing.fileno(), limits=Limits(), owner="anna", timeout_s=5)


async def heard(crew: Crew) -> list[int]:
    """Give the child an order, and gather the numbers that it tells before its answer."""
    numbers: list[int] = []
    await crew.child.ask(b"{}", [], hear=numbers.append)
    return numbers


def words(*percents: int) -> bytes:
    """Speak as a child that tells how far it is."""
    return b"".join(wire.framed(bytes([each])) for each in percents)


async def test_numbers_come_in_their_order_and_the_answer_last(
    crew: Crew, voice: socket.socket
) -> None:
    voice.send(wire.framed(HELLO) + words(7, 30, 99) + wire.framed(ANSWER))

    assert await heard(crew) == [7, 30, 99]


async def test_numbers_are_heard_of_the_order_that_they_belong_to(
    crew: Crew, voice: socket.socket
) -> None:
    voice.send(wire.framed(HELLO) + words(80) + wire.framed(ANSWER))
    await heard(crew)
    voice.send(words(3) + wire.framed(ANSWER))

    assert await heard(crew) == [3]


@pytest.mark.parametrize(
    "said",
    [
        words(0),
        words(100),
        words(255),
        words(50, 50),
        words(50, 49),
        words(*range(1, 100), 99),
        words(*[1] * 10_000),
        wire.framed(ANSWER) * 2,
        wire.framed(ANSWER) + words(1),
        b"\xff\xff\xff\xff",
    ],
    ids=["0", "100", "255", "same", "falling", "a hundred", "flood", "two", "late", "huge"],
)
async def test_nonsense_ends_the_order_and_the_child(
    crew: Crew, sandbox: Sandbox, voice: socket.socket, said: bytes
) -> None:
    voice.send(wire.framed(HELLO) + said)

    with pytest.raises(DecoderCrashed):
        await probe(sandbox)

    assert (crew.kept, crew.killed) == ([], [crew.child])


async def test_a_child_that_says_what_can_be_serves_again(
    crew: Crew, sandbox: Sandbox, voice: socket.socket
) -> None:
    voice.send(wire.framed(HELLO) + words(*range(1, 100)) + wire.framed(ANSWER))

    with pytest.raises(Corrupt):
        await probe(sandbox)

    assert (crew.kept, crew.killed) == ([crew.child], [])
