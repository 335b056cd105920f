"""Whatever fits the OpenAPI document, and what nearly does, gets an answer that it describes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started
from tests.acceptance.things import EVERYBODYS, made, prefix_of


def status_is_described(ctx: Any, response: Any, case: Any) -> bool | None:  # noqa: ANN401 - schemathesis's
    """Pass over 414: the connection gives it before any route is known, so no route tells of it."""
    if response.status_code == HTTPStatus.REQUEST_URI_TOO_LONG:
        return None
    return status_code_conformance(ctx, response, case)


# Hundreds of routes are asked in one test.
pytestmark = pytest.mark.timeout(120)
CHECKS: Final = [
    not_a_server_error,
    status_is_described,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS: Final = ("/events",)
"""Ends of paths that answer for as long as there is something to tell."""
FEW: Final = settings(
    max_examples=3,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def chunks_are_bytes() -> None:
    """Let chunks of resumable uploads be written as any other bytes are."""
    schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system of its own: what is made up may delete all that there is."""
    with started(tmp_path_factory.mktemp("described") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def owner(own: System) -> Iterator[API]:
    with API(own) as client:
        eventually(client.is_ready)
        yield client


@pytest.fixture(scope="module")
def other(own: System, owner: API) -> Iterator[API]:
    with client_of(own, "somebody-else") as client:
        yield client


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_route_answers_as_described(
    owner: API, other: API, own: System, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(good(owner.get("/openapi.json")))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    paths = [each.path for each in operations if "{" in each.path]
    things = made(owner, [each for each in paths if not each.startswith(EVERYBODYS)])

    for operation in operations:
        if not operation.path.endswith(ENDLESS):
            values = things.get(prefix_of(operation.path), {}) if "{" in operation.path else {}
            ask_all(operation, mode, own.url, {owner: values, other: {}})


def ask_all(
    operation: Any,  # noqa: ANN401 - schemathesis gives it no public name
    mode: GenerationMode,
    url: str,
    callers: Mapping[API, JSON],
) -> None:
    """Ask one route what is made up for it, as each caller, about things that are there or not."""

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        for caller, things in callers.items():
            case.path_parameters.update(things)
            headers = {"x-api-key": caller.headers["x-api-key"]}
            case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=60)

    with contextlib.suppress(Unsatisfiable):  # A route that takes nothing cannot be asked wrongly.
        ask()
