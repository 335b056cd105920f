"""RFC 9457 problem details: how an error travels, to clients and between services."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imagemill.errors import FieldError, ImagemillError, by_code

MEDIA_TYPE = "application/problem+json"
DOCS = "https://imagemill.readthedocs.io/reference/errors/"


class ProblemField(BaseModel):
    """One field that cannot be accepted."""

    field: str = Field(description="Path to the field, such as `outputs.small.0.width`.")
    problem: str = Field(description="What is wrong with it, and what would be right.")


class Problem(BaseModel):
    """An error as RFC 9457 writes it, with a stable `code` to branch on."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Page in the documentation about this code.")
    title: str = Field(description="The code in words.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What happened and what to do, for people.")
    code: str = Field(description="Stable name of the error, for programs.")
    errors: list[ProblemField] = Field(default=[], description="Each field that is wrong.")
    limit: dict[str, Any] = Field(default={}, description="The limit that was broken, by name.")
    request_id: str | None = Field(default=None, description="Quote it when you ask for help.")


def problem_of(error: ImagemillError, request_id: str | None = None) -> Problem:
    """Write an error down for whoever gets the answer."""
    return Problem(
        type=f"{DOCS}#{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        detail=error.message,
        code=error.code,
        errors=[ProblemField(field=each.field, problem=each.problem) for each in error.errors],
        limit=error.limit,
        request_id=request_id,
    )


def error_of(body: bytes, retry_after_s: int | None = None) -> ImagemillError:
    """Read a problem that another service answered back into the error that it was."""
    problem = Problem.model_validate_json(body)
    return by_code(problem.code)(
        problem.detail,
        limit=problem.limit,
        errors=[FieldError(each.field, each.problem) for each in problem.errors],
        retry_after_s=retry_after_s,
    )
