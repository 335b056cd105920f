"""The Postman collection, run by its own runner against the running system."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.api import API
from tests.acceptance.system import System
from tests.peers.programs import node_modules, program

FOLDER = Path(__file__).parents[2] / "docs" / "postman"
COLLECTION = FOLDER / "imagemill.postman_collection.json"


def run(system: System, collection: Path, report: Path) -> dict[str, int]:
    """Run a collection; tell how many assertions there were, and how many failed."""
    newman = node_modules() / "newman" / "bin" / "newman.js"
    settings = ("--env-var", f"baseUrl={system.url}", "--env-var", f"apiKey={system.key}")
    output = ("--reporters", "cli,json", "--reporter-json-export", str(report))
    places = ("--working-dir", str(FOLDER), "--color", "off")
    ended = subprocess.run(
        [program("node"), str(newman), "run", str(collection), *settings, *places, *output],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    print(ended.stdout)  # noqa: T201 - shown with a failure: which request, which assertion
    told: dict[str, int] = json.loads(report.read_text())["run"]["stats"]["assertions"]
    return told


def test_every_assertion_of_the_collection_holds(api: API, system: System, tmp_path: Path) -> None:
    told = run(system, COLLECTION, tmp_path / "report.json")

    assert told["total"] > 150
    assert told["failed"] == 0


def test_the_collection_notices_what_is_wrong(api: API, system: System, tmp_path: Path) -> None:
    changed = tmp_path / "changed.json"
    text = COLLECTION.read_text(encoding="utf-8")
    assert text.count("to.eql(64)") == 1
    changed.write_text(text.replace("to.eql(64)", "to.eql(65)"), encoding="utf-8")

    told = run(system, changed, tmp_path / "report.json")

    assert told["failed"] == 1


def test_the_collection_says_no_secret_and_no_address_of_ours() -> None:
    told = json.loads(COLLECTION.read_text(encoding="utf-8"))

    variables = {each["key"]: each["value"] for each in told["variable"]}

    assert variables == {"baseUrl": "http://127.0.0.1:8000", "apiKey": ""}


@pytest.mark.parametrize("name", ["picture.png"])
def test_what_the_collection_sends_lies_beside_it(name: str) -> None:
    assert name in COLLECTION.read_text(encoding="utf-8")
    assert (FOLDER / name).is_file()
