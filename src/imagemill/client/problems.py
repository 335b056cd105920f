"""What can go wrong between a program and a server, as one small tree.

ClientError
├── ProblemError         the server answered with a problem: branch on its `code`
├── UnreachableError     there was no answer
├── ForeignAnswerError   something answered that is not Imagemill
├── DamagedError         a downloaded result is not what the server made
└── StillWorkingError    the job did not end in the time given; it goes on
"""

from __future__ import annotations

from imagemill.client.answers import FieldProblem, Problem


class ClientError(Exception):
    """Stand above everything that the client raises on purpose."""


class ProblemError(ClientError):
    """Carry the problem that the server answered with."""

    def __init__(self, problem: Problem, *, retry_after_s: float | None = None) -> None:
        """Keep the problem; its detail and its fields become the message."""
        super().__init__(_sentences(problem))
        self.problem = problem
        self.retry_after_s = retry_after_s
        """Seconds that the server asks to wait; None when it did not say."""

    @property
    def code(self) -> str:
        """Stable name to branch on."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """Words for people."""
        return self.problem.detail

    @property
    def errors(self) -> tuple[FieldProblem, ...]:
        """Each field that was not taken."""
        return self.problem.errors


class UnreachableError(ClientError):
    """Say that the server did not answer, and at which address."""


class ForeignAnswerError(ClientError):
    """Say that the answer is not one that Imagemill gives."""


class DamagedError(ClientError):
    """Say that the bytes that arrived differ from the ones that the server described."""


class StillWorkingError(ClientError):
    """Say that the job did not end in the time that the caller gave."""


def _sentences(problem: Problem) -> str:
    fields = (f"{each.field}: {each.problem}" for each in problem.errors)
    return " ".join((problem.detail or problem.title or problem.code, *fields))
