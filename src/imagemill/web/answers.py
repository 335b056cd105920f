"""Answers that a route writes itself, because it knows more than its return type says."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response
from pydantic import BaseModel


def json_answer(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Write a model as JSON."""
    return Response(model.model_dump_json(), status_code=status, media_type="application/json")


def untold(answer: Response) -> Response:
    """Let nobody on the way keep an answer that holds a secret, or is about somebody."""
    answer.headers["cache-control"] = "no-store"
    return answer
