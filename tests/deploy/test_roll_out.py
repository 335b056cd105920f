"""The script that brings an image to a cluster, before a kubectl that notes what it is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagemill.processes import NAMES
from tests.deploy.dockerfile import ROOT
from tests.deploy.documents import load_all
from tests.deploy.manifests import FOLDER, Workload, kubectl, workloads

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kustomize")]

IMAGE = f"ghcr.io/somebody/imagemill@sha256:{'a' * 64}"
_SAYS = """#!/bin/sh
# `kustomize` is the real one's; everything else is written down, and may fail.
if [ "$1" = kustomize ]; then exec "{kubectl}" "$@"; fi
shift 2
echo "$*" >>"{told}"
for each in "$@"; do
  case "$each" in */built|*/all) cat "$each" >>"{sent}"; echo --- >>"{sent}" ;; esac
done
case "$*" in
  "rollout status deployment/{failing} "*) exit 1 ;;
  "get job {failing} "*) echo "FailureTarget Failed" ;;
  "get job "*) echo "SuccessCriteriaMet Complete" ;;
  "logs "*) echo "what the job said" ;;
  "get deployment {new} "*) ;;
  "get deployment {same} "*) echo 3 ;;
  "get deployment "*) grep -c "$3" "{told}" ;;
esac
"""
"""The revision of a deployment is how often it was asked for."""


@dataclass(frozen=True)
class Cluster:
    """What the script did to it."""

    code: int
    told: list[str]
    sent: str
    said: str

    def index(self, beginning: str) -> int:
        """Tell when the first thing was asked for that begins so."""
        return next(at for at, each in enumerate(self.told) if each.startswith(beginning))

    def ours(self) -> dict[str, str]:
        """Give the image of every container of ours, by its workload."""
        found: list[Workload] = workloads(tuple(load_all(self.sent)))
        return {
            each.name: each.container["image"]
            for each in found
            if each.container["name"] == "imagemill"
        }


def rolled_out(
    folder: Path,
    overlay: str = "production",
    *,
    failing: str = "none",
    new: str = "none",
    same: str = "none",
    script: Path = FOLDER / "roll-out",
) -> Cluster:
    told, sent, stub = folder / "told", folder / "sent", folder / "kubectl"
    for each in (told, sent):
        each.touch()
    says = _SAYS.format(
        kubectl=kubectl(), told=told, sent=sent, failing=failing, new=new, same=same
    )
    stub.write_text(says, encoding="utf-8")
    stub.chmod(0o700)
    done = subprocess.run(
        [str(script), overlay, "imagemill", IMAGE],
        env={**os.environ, "KUBECTL": str(stub), "PAUSE_S": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Cluster(done.returncode, told.read_text().splitlines(), sent.read_text(), done.stderr)


def test_schemas_grow_before_and_shrink_after_the_processes_changed(tmp_path: Path) -> None:
    cluster = rolled_out(tmp_path)

    waits = [each for each in cluster.told if each.startswith(("get job", "rollout"))]
    assert cluster.code == 0, cluster.said
    assert "migrate-expand" in waits[0]
    assert "migrate-contract" in waits[-1]
    assert {each.split()[2] for each in waits[1:-1]} == {f"deployment/{name}" for name in NAMES}


def test_everything_of_ours_runs_the_very_image_that_was_named(tmp_path: Path) -> None:
    ours = rolled_out(tmp_path).ours()

    assert ours == dict.fromkeys((*NAMES, "migrate-expand", "migrate-contract"), IMAGE)


def test_an_overlay_that_calls_its_image_otherwise_runs_the_one_that_was_named_too(
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    folder = tmp_path / "deploy/kubernetes"
    overlay = folder / "overlays/production/kustomization.yaml"
    text = overlay.read_text(encoding="utf-8")
    other = text.replace("newName: ghcr.io/example/imagemill", "newName: example.com:5000/pictures")
    overlay.write_text(other, encoding="utf-8")

    cluster = rolled_out(tmp_path, script=folder / "roll-out")

    assert other != text
    assert cluster.code == 0, cluster.said
    assert cluster.ours() == dict.fromkeys((*NAMES, "migrate-expand", "migrate-contract"), IMAGE)


def test_an_overlay_without_all_processes_is_refused_before_anything_is_applied(
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    folder = tmp_path / "deploy/kubernetes"
    gateway = folder / "base/gateway.yaml"
    text = gateway.read_text(encoding="utf-8")
    gateway.write_text(text.replace("- name: imagemill\n", "- name: other\n"), encoding="utf-8")

    cluster = rolled_out(tmp_path, script=folder / "roll-out")

    assert cluster.code == 1
    assert "fewer than 6" in cluster.said
    assert cluster.told == []


def test_in_dev_the_database_and_its_roles_are_there_before_anything_migrates(
    tmp_path: Path,
) -> None:
    cluster = rolled_out(tmp_path, "dev")

    assert cluster.code == 0, cluster.said
    steps = ["apply --server-side --force-conflicts --selector imagemill/first=true"]
    steps += ["rollout status statefulset/postgres", "get job roles", "get job migrate-expand"]
    at = [cluster.index(each) for each in steps]
    assert at == sorted(at)
    assert cluster.ours()["roles"] == IMAGE


def test_what_cannot_be_changed_is_deleted_before_it_is_applied(tmp_path: Path) -> None:
    cluster = rolled_out(tmp_path)

    assert cluster.index("delete job buckets") < cluster.index("apply")


@pytest.mark.parametrize("job", ["roles", "migrate-expand"])
def test_a_job_that_fails_says_why_and_no_process_is_changed(tmp_path: Path, job: str) -> None:
    cluster = rolled_out(tmp_path, "dev", failing=job)

    assert cluster.code == 1
    assert "what the job said" in cluster.said
    assert f"The job {job} failed." in cluster.said
    assert not any(each.startswith("rollout status deployment") for each in cluster.told)


def test_where_a_process_does_not_become_ready_what_changed_goes_back_and_nothing_shrinks(
    tmp_path: Path,
) -> None:
    cluster = rolled_out(tmp_path, failing="jobs", new="worker", same="users")

    undone = [each for each in cluster.told if each.startswith("rollout undo")]
    changed = [name for name in NAMES if name not in {"worker", "users"}]
    assert cluster.code == 1
    assert sorted(undone) == sorted(
        f"rollout undo deployment/{name} --to-revision=1" for name in changed
    )
    assert "worker is new" in cluster.said
    assert not any("migrate-contract" in each for each in cluster.told)
