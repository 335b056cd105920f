"""Questions that are asked at the same moment, sent as one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from imagemill.errors import ImagemillError, Internal

Q = TypeVar("Q")
A = TypeVar("A")

_MOST: Final = 64
"""Questions in one call: more would let the first wait for the last."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Q, A]):
    """A question, who waits for its answer, and on whose behalf."""

    question: Q
    answer: asyncio.Future[A]
    context: Context


class Gathering(Generic[Q, A]):
    """One call at a time; whatever is asked while it is under way goes with the next.

    So a lone question goes at once, and a busy asker pays for one call where it asked for many.
    A call is made in the context of the first that it carries: its request id, and its trace.
    """

    def __init__(self, send: Callable[[list[Q]], Awaitable[Sequence[A]]]) -> None:
        """Send by `send`, which gives as many answers as it gets questions, in their order."""
        self._send = send
        self._waiting: list[_Waiting[Q, A]] = []
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Give the answer to a question; raises what the call raised that carried it."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(question, answer, copy_context()))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all(), name="gathering")
        return await answer

    async def close(self) -> None:
        """End the call under way; those who wait for an answer get none."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for each in self._waiting:
            each.answer.cancel()

    async def _send_all(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            sending = asyncio.get_running_loop().create_task(
                self._send_some(taken), context=taken[0].context
            )
            try:
                await sending
            finally:
                for each in taken:
                    each.answer.cancel()

    async def _send_some(self, taken: Sequence[_Waiting[Q, A]]) -> None:
        """Send and hand the answers out; those whose asker has left are dropped."""
        try:
            answers = await self._answers_to([each.question for each in taken])
        except (ImagemillError, ValueError) as error:
            for each in taken:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        for each, answer in zip(taken, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)

    async def _answers_to(self, questions: list[Q]) -> Sequence[A]:
        answers = await self._send(questions)
        if len(answers) != len(questions):
            raise Internal("A call of several questions was answered in part.")
        return answers
