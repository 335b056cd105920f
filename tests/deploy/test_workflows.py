"""What GitHub runs: the files are valid, pinned, and may do no more than they need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.sbom.__main__ import LIBRARIES, carried_here, complete
from tests.deploy.checkov import complaints
from tests.deploy.dockerfile import ROOT, steps
from tests.deploy.documents import load
from tests.peers.programs import apart

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yaml"))
MAY_WRITE = {
    ("image.yaml", "build"): {"packages", "id-token", "attestations", "security-events"},
    ("release.yaml", "wheel"): {"id-token", "attestations"},
    ("release.yaml", "image"): {"packages", "id-token", "attestations", "security-events"},
    ("release.yaml", "pypi"): {"id-token"},
    ("release.yaml", "notes"): {"contents"},
}
"""Which job may write what; every other may read at most."""
_PINNED = re.compile(r"^[\w./-]+@[0-9a-f]{40}$")
_USES = re.compile(r"^\s*(?:- )?uses: (\S+)(?: # (\S+))?$", re.MULTILINE)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def written(permissions: dict[str, str]) -> set[str]:
    return {name for name, level in permissions.items() if level == "write"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "names"),
    [("vendor.github-workflows", "workflows/*.yaml"), ("vendor.renovate", "renovate.json")],
)
def test_files_are_what_their_schema_allows(schema: str, names: str) -> None:
    command = [apart("check-jsonschema", "check-jsonschema"), "--builtin-schema", schema]
    files = [str(each) for each in FOLDER.glob(names)]

    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)

    assert files
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_checkov_has_nothing_to_say_of_the_workflows() -> None:
    assert complaints(FOLDER.parent / ".github", "github_actions") == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda each: each.name)
def test_every_action_of_others_is_one_commit_and_says_which_version_that_is(path: Path) -> None:
    used = _USES.findall(path.read_text(encoding="utf-8"))

    others = [(name, version) for name, version in used if not name.startswith("./")]

    assert [name for name, _ in others if not _PINNED.match(name)] == []
    assert [name for name, version in others if not re.fullmatch(r"v\d+\.\d+\.\d+", version)] == []


def test_an_action_is_the_same_commit_everywhere() -> None:
    used = {
        name
        for path in WORKFLOWS
        for name, _ in _USES.findall(path.read_text(encoding="utf-8"))
        if "@" in name
    }

    assert len({name.partition("@")[0] for name in used}) == len(used)


def test_jobs_may_write_only_what_is_listed_here() -> None:
    may = {
        (path.name, name): written(job["permissions"])
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if written(job.get("permissions", {}))
    }

    assert may == MAY_WRITE
    assert all(load(path)["permissions"] == {"contents": "read"} for path in WORKFLOWS)


def test_nothing_that_others_wrote_is_put_into_a_script() -> None:
    for path in WORKFLOWS:
        for job in jobs(path).values():
            for step in job.get("steps", ()):
                assert "${{" not in step.get("run", ""), (path.name, step)
                if "checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False


def test_no_job_runs_for_ever() -> None:
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            assert "uses" in job or job["timeout-minutes"] <= 60, (path.name, name)


def test_a_release_is_tested_signed_and_only_then_published_and_brought_to_production() -> None:
    release = jobs(FOLDER / "workflows/release.yaml")

    def before(name: str) -> set[str]:
        needs = release[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*(before(each) for each in direct)) if direct else set()

    assert {"test", "wheel", "image"} <= before("pypi")
    assert {"test", "image", "pypi", "dev"} <= before("production")
    assert release["production"]["with"]["environment"] == "production"
    assert jobs(FOLDER / "workflows/deploy.yaml")["deploy"]["environment"]


def test_both_images_of_the_dockerfile_are_built_for_both_architectures() -> None:
    build = jobs(FOLDER / "workflows/image.yaml")["build"]
    variants = {each["variant"] for each in build["strategy"]["matrix"]["include"]}
    platforms = [
        each["with"]["platforms"] for each in build["steps"] if "platforms" in each.get("with", {})
    ]

    assert variants == {"imagemill", "all-formats"}
    assert platforms == ["linux/amd64,linux/arm64"]


def test_what_is_built_every_week_is_built_from_nothing() -> None:
    build = jobs(FOLDER / "workflows/image.yaml")["build"]
    builds = [
        each["with"] for each in build["steps"] if "build-push-action" in each.get("uses", "")
    ]
    installs = [each.said for each in steps() if "apt-get install" in each.said]

    assert [each["no-cache"] for each in builds] == ["${{ github.event_name == 'schedule' }}"] * 2
    assert all(each["pull"] is True for each in builds)
    assert "apt-get upgrade -y" in installs[0]


def test_an_image_is_tried_with_every_layer_of_the_sandbox() -> None:
    build = jobs(FOLDER / "workflows/image.yaml")["build"]
    (trial,) = [each["run"] for each in build["steps"] if "--name trial" in each.get("run", "")]

    assert "--env IMAGEMILL_SANDBOX=required" in trial


def test_names_of_images_have_no_capitals_whoever_owns_them() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")

        assert "ghcr.io/${{" not in text, path.name


def test_a_bill_of_materials_gets_what_lies_within_the_wheels() -> None:
    found = {"components": [{"name": "pyvips-binary"}, {"name": "Pillow"}, {"name": "click"}]}

    vips, pillow, click = complete(found, carried_here())["components"]

    assert {"libvips", "mozjpeg", "aom"} <= {each["name"] for each in vips["components"]}
    assert len(pillow["components"]) > 5  # It says so itself.
    assert "components" not in click


def test_each_library_of_the_list_is_in_the_wheel_and_says_its_version_itself() -> None:
    folder = Path(sys.prefix) / f"lib/python3.{sys.version_info.minor}/site-packages"
    (library,) = (folder / "pyvips_binary.libs").glob("libvips*")
    held = library.read_bytes()
    rows = json.loads(LIBRARIES.read_text(encoding="utf-8"))["pyvips-binary"]

    assert [each["name"] for each in rows if each["mark"].encode() not in held] == []
    assert all(each["version"] in each["mark"] for each in rows if "version" in each)
