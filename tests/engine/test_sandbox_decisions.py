"""Who serves whom, what a death means and what an answer is worth: decisions without a child."""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.contracts.facts import Format
from imagemill.engine import answers, endings, rendering, roster
from imagemill.engine.nursery import End
from imagemill.engine.orders import Answer, Rendered
from imagemill.engine.settings import Reuse, SandboxSettings
from imagemill.errors import (
    DecoderCrashed,
    Internal,
    MemoryLimit,
    Timeout,
    Unavailable,
)


@dataclass
class Idle:
    owner: str | None
    orders: int = 1
    cpu_s: float = 0.0


CREWS = st.lists(st.builds(Idle, owner=st.sampled_from([None, "anna", "ben", "cleo"])))


@given(CREWS)
def test_no_child_ever_serves_two_owners(idle: list[Idle]) -> None:
    chosen = roster.pick(idle, "anna")

    assert chosen is None or chosen.owner in {None, "anna"}


def test_the_child_that_served_last_is_taken_first() -> None:
    earlier, later = Idle("anna"), Idle("anna")

    chosen = roster.pick([earlier, Idle(None), later], "anna")

    assert chosen is later


@given(CREWS, st.integers(0, 5))
def test_the_longest_idle_are_let_go_until_few_enough_are_left(idle: list[Idle], kept: int) -> None:
    gone = roster.surplus(idle, SandboxSettings(kept_children=kept))

    owned = [each for each in idle if each.owner is not None]
    assert [*gone] == owned[: len(gone)]
    assert len(owned) - len(gone) == min(kept, len(owned))


def test_fresh_children_are_forked_ahead_up_to_the_setting() -> None:
    idle = [Idle(None), Idle("anna")]

    assert roster.shortage(idle, SandboxSettings(spare_children=3)) == 2


@pytest.mark.parametrize(
    ("child", "reuse", "again"),
    [
        (Idle("anna", orders=199), Reuse.OWNER, True),
        (Idle("anna", orders=200), Reuse.OWNER, False),
        (Idle("anna", orders=1), Reuse.NEVER, False),
        (Idle("anna", orders=1, cpu_s=545.0), Reuse.OWNER, False),
    ],
)
def test_a_child_serves_again_within_its_bounds(child: Idle, reuse: Reuse, *, again: bool) -> None:
    assert roster.reusable(child, SandboxSettings(reuse=reuse)) is again


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (None, Unavailable),
        (signal.SIGXCPU, Timeout),
        (signal.SIGSYS, DecoderCrashed),
        (signal.SIGSEGV, DecoderCrashed),
        (1 << 8, DecoderCrashed),
    ],
)
def test_a_death_becomes_a_typed_error(status: int | None, error: type[Exception]) -> None:
    assert isinstance(endings.blame(End(status), SandboxSettings()), error)


def test_the_log_is_told_of_a_forbidden_call_and_the_caller_is_not() -> None:
    end = End(signal.SIGSYS)

    assert "SIGSYS" in endings.note(end)
    assert "SIGSYS" not in endings.blame(end, SandboxSettings()).message


@pytest.mark.parametrize(
    ("end", "note"),
    [
        (End(None, "the zygote ended"), "the zygote ended"),
        (End(3 << 8), "ended with status 3"),
        (End(signal.SIGSEGV), "killed by SIGSEGV"),
    ],
)
def test_the_log_is_told_how_a_child_ended(end: End, note: str) -> None:
    assert endings.note(end) == note


@pytest.fixture
def files() -> Iterator[dict[str, int]]:
    made = rendering.targets(["small"])
    os.write(made["small"], b"12345")
    yield made
    rendering.close(made)


def said(*, size_bytes: int = 5, name: str = "small") -> bytes:
    """Speak as a child that has made one output."""
    made = Rendered(format=Format.JPEG, width=1, height=1, size_bytes=size_bytes, milliseconds=1.0)
    return Answer(outputs={name: made}).model_dump_json().encode()


def test_an_output_that_is_as_told_is_believed(files: dict[str, int]) -> None:
    answer = answers.believed(said(), files)

    assert answers.finished(answer).outputs["small"].size_bytes == 5


def test_no_byte_of_a_believed_output_changes_any_more(files: dict[str, int]) -> None:
    answers.believed(said(), files)

    with pytest.raises(PermissionError):
        os.write(files["small"], b"x")


@pytest.mark.parametrize(
    "answer", [said(size_bytes=6), said(name="other"), b"{}", b"not json", b'{"surprise": 1}']
)
def test_an_answer_that_cannot_be_true_counts_as_a_crash(
    answer: bytes, files: dict[str, int]
) -> None:
    with pytest.raises(DecoderCrashed):
        answers.believed(answer, files)


def test_an_output_that_is_still_written_to_is_not_believed(files: dict[str, int]) -> None:
    with mmap.mmap(files["small"], 5), pytest.raises(DecoderCrashed):
        answers.believed(said(), files)


def test_a_refusal_keeps_its_class_its_limit_and_its_output() -> None:
    answer = Answer(
        error="memory_limit", message="Too much.", limit={"memory_mb": 256}, output="small"
    )

    with pytest.raises(MemoryLimit, match="Too much") as refusal:
        answers.finished(answer)

    assert refusal.value.limit == {"memory_mb": 256}
    assert refusal.value.output == "small"


@pytest.mark.parametrize("code", ["forbidden", "not_found", "no such code"])
def test_a_child_cannot_speak_for_other_parts(code: str) -> None:
    with pytest.raises(Internal):
        answers.finished(Answer(error=code))


def test_a_probe_without_facts_counts_as_a_crash() -> None:
    with pytest.raises(DecoderCrashed):
        answers.seen(Answer())


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (None, "unknown"),
        (signal.SIGKILL.value, "signal"),
        (signal.SIGSEGV.value, "signal"),
        (signal.SIGSYS.value, "forbidden_call"),
        (signal.SIGXCPU.value, "cpu"),
        (1 << 8, "exit"),
    ],
)
def test_how_a_child_ended_is_one_word_of_a_few(status: int | None, word: str) -> None:
    assert endings.reason(End(status)) == word
