"""Every adapter of a port is tried by the port's suite: none may be forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from imagemill import cache, database, queue, rates, storage

SUITES = Path(__file__).parents[1] / "contracts"
PORTS = (
    (queue, queue.Queue),
    (storage, storage.Storage),
    (database, database.Database),
    (cache, cache.Cache),
    (rates, rates.Rates),
)


def adapters(package: ModuleType, port: type) -> Iterator[str]:
    """Name every class below a port's package that has all that the port asks for."""
    asked = {name for name in vars(port) if not name.startswith("_")}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for name, found in inspect.getmembers(
            importlib.import_module(module.name), inspect.isclass
        ):
            fields = set(dir(found)) | set(getattr(found, "__annotations__", ()))
            if found.__module__ == module.name and asked <= fields:
                yield name


@pytest.mark.parametrize(("package", "port"), PORTS, ids=[port.__name__ for _, port in PORTS])
def test_every_adapter_stands_in_the_suite_of_its_port(package: ModuleType, port: type) -> None:
    tried = "\n".join(path.read_text(encoding="utf-8") for path in SUITES.glob("*.py"))

    found = set(adapters(package, port))

    assert found, "no adapter was found, so this looks in the wrong place"
    assert {name for name in found if name not in tried} == set()
