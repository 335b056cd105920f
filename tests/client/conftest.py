"""What the tests of the client start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.programs import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running
