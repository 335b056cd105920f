"""What can be done to a picture, told to clients from the operations themselves."""

from __future__ import annotations

from inspect import getdoc
from typing import Any

from pydantic import BaseModel, Field

from imagemill.operations import Step, operations


class ExampleView(BaseModel):
    """A set of parameters to start from."""

    title: str
    parameters: dict[str, Any]


class OperationView(BaseModel):
    """One operation and its parameters."""

    name: str
    summary: str = Field(description="What it gives, in a sentence.")
    description: str = Field(description="All of its documentation, in Markdown.")
    kind: str = Field(description="`pixels`, or `encoding` and `data`, which end a pipeline.")
    parameters: dict[str, Any] = Field(description="JSON schema of the step, without `op`.")
    examples: list[ExampleView]


class Catalogue(BaseModel):
    """All operations."""

    operations: list[OperationView]


def catalogue() -> Catalogue:
    """List every operation that is installed."""
    return Catalogue(operations=[operation_view(step) for step in operations().values()])


def operation_view(step: type[Step]) -> OperationView:
    """Show one operation."""
    text = getdoc(step) or ""
    return OperationView(
        name=step.model_fields["op"].default,
        summary=text.partition("\n")[0],
        description=text,
        kind=step.kind,
        parameters=parameters_of(step),
        examples=[
            ExampleView(title=each.title, parameters=dict(each.parameters))
            for each in step.examples
        ],
    )


def parameters_of(step: type[Step]) -> dict[str, Any]:
    """Give the JSON schema of a step's parameters, self-contained."""
    schema = step.model_json_schema()
    schema["properties"].pop("op", None)
    schema.pop("description", None)
    return schema
