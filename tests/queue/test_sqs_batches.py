"""Calls of SQS with ten messages, of which some may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from imagemill.errors import Unavailable
from imagemill.queue.sqs_batches import Entry, Gathering, batches, send_all


@dataclass
class Answers:
    """Something that answers calls as SQS does, and fails entries as often as it is told."""

    failures: dict[str, int] = field(default_factory=dict)
    code: str = "InternalError"
    calls: list[list[str]] = field(default_factory=list)

    async def __call__(self, entries: Sequence[Entry]) -> Any:  # noqa: ANN401 - as the library
        self.calls.append([each["Name"] for each in entries])
        await asyncio.sleep(0)
        return {"Failed": [self._failed(each) for each in entries if self._fails(each["Name"])]}

    def _fails(self, name: str) -> bool:
        self.failures[name] = self.failures.get(name, 0) - 1
        return self.failures[name] >= 0

    def _failed(self, entry: Entry) -> dict[str, str]:
        return {"Id": entry["Id"], "Code": self.code, "Message": "said so"}


def test_a_call_has_ten_messages_at_most() -> None:
    parted = list(batches(["x"] * 23))

    assert [len(each) for each in parted] == [10, 10, 3]


def test_a_call_has_256_kib_at_most() -> None:
    parted = list(batches(["x" * 100_000] * 5))

    assert [len(each) for each in parted] == [2, 2, 1]


def test_no_messages_are_no_call() -> None:
    assert list(batches([])) == []


async def test_what_failed_of_a_call_is_sent_again_alone() -> None:
    answers = Answers({"b": 1})

    await send_all(answers, [{"Name": "a"}, {"Name": "b"}])

    assert answers.calls == [["a", "b"], ["b"]]


async def test_what_fails_again_and_again_is_told() -> None:
    answers = Answers({"b": 99})

    with pytest.raises(Unavailable, match="1 of 2 messages: InternalError: said so"):
        await send_all(answers, [{"Name": "a"}, {"Name": "b"}])


async def test_a_message_whose_lease_has_ended_needs_nothing() -> None:
    answers = Answers({"a": 99}, code="ReceiptHandleIsInvalid")

    await send_all(answers, [{"Name": "a"}])

    assert answers.calls == [["a"]]


async def test_calls_of_the_same_moment_travel_together() -> None:
    answers = Answers()
    gathering = Gathering(answers)

    await asyncio.gather(*(gathering.put({"Name": f"{n}"}) for n in range(12)))

    assert [len(each) for each in answers.calls] == [10, 2]


async def test_each_who_asked_hears_that_it_failed() -> None:
    gathering = Gathering(Answers({"0": 99}))

    asked = (gathering.put({"Name": "0"}), gathering.put({"Name": "1"}))
    heard = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in heard] == [Unavailable, Unavailable]
