"""Add to a bill of materials the libraries that lie within wheels: `python sbom <found >complete`.

Scanners see a wheel as one component. Many wheels say themselves what they carry (PEP 770:
documents in their folder `sboms`); those are read where this runs, so it runs in the image. Of the
others `libraries.json` tells, with a version where the library itself names it. Needs nothing but
Python.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = Path(__file__).with_name("libraries.json")
Component = dict[str, Any]


def complete(found: Mapping[str, Any], carried: Mapping[str, list[Component]]) -> dict[str, Any]:
    """Give a CycloneDX document with what its wheels carry below each of them."""
    components = [
        _with(each, carried.get(_plain(each["name"]), [])) for each in found["components"]
    ]
    return {**found, "components": components}


def carried_here() -> dict[str, list[Component]]:
    """List what the wheels of this environment carry, by the name of the wheel."""
    listed: dict[str, list[Component]] = {
        name: [_component(each) for each in rows]
        for name, rows in json.loads(LIBRARIES.read_text(encoding="utf-8")).items()
    }
    for each in distributions():
        if own := list(_own(each)):
            listed[_plain(each.metadata["Name"])] = own
    return listed


def _own(distribution: Distribution) -> Iterator[Component]:
    """Read what a wheel says of itself, without the wheel."""
    for file in distribution.files or ():
        if file.parent.name == "sboms" and file.name.endswith(".json"):
            document = json.loads(file.read_text(encoding="utf-8"))
            yield from document.get("components", ())


def _component(row: Mapping[str, str]) -> Component:
    version = {"version": row["version"]} if "version" in row else {}
    licenses = [{"expression": row["license"]}]
    return {"type": "library", "name": row["name"], **version, "licenses": licenses}


def _with(component: Component, carried: list[Component]) -> Component:
    if not carried:
        return component
    # References are of one document; these come from several.
    inner = [{key: value for key, value in each.items() if key != "bom-ref"} for each in carried]
    return {**component, "components": [*component.get("components", ()), *inner]}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


if __name__ == "__main__":
    json.dump(complete(json.load(sys.stdin), carried_here()), sys.stdout, indent=1)
