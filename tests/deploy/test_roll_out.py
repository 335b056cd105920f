"""The script that brings an image to a cluster, before a kubectl that notes what it is told."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagemill.processes import NAMES
from tests.deploy.manifests import FOLDER, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kustomize")]

IMAGE = f"ghcr.io/somebody/imagemill@sha256:{'a' * 64}"
_SAYS = """#!/bin/sh
# `kustomize` is the real one's; everything else is written down, and may fail.
if [ "$1" = kustomize ]; then exec "{kubectl}" "$@"; fi
shift 2
echo "$*" >>"{told}"
case "$*" in *--filename*) cat >>"{sent}" ;; esac
case "$*" in "rollout status deployment/{failing} "*) exit 1 ;; esac
"""


@dataclass(frozen=True)
class Cluster:
    """What the script did to it."""

    code: int
    told: list[str]
    sent: str


def rolled_out(folder: Path, failing: str = "none") -> Cluster:
    told, sent, stub = folder / "told", folder / "sent", folder / "kubectl"
    says = _SAYS.format(kubectl=kubectl(), told=told, sent=sent, failing=failing)
    stub.write_text(says, encoding="utf-8")
    stub.chmod(0o700)
    done = subprocess.run(
        [str(FOLDER / "roll-out"), "production", "imagemill", IMAGE],
        env={**os.environ, "KUBECTL": str(stub)},
        capture_output=True,
        check=False,
    )
    return Cluster(done.returncode, told.read_text().splitlines(), sent.read_text())


def test_schemas_grow_before_and_shrink_after_the_processes_changed(tmp_path: Path) -> None:
    cluster = rolled_out(tmp_path)

    waits = [each for each in cluster.told if each.startswith(("wait", "rollout"))]
    assert cluster.code == 0
    assert "migrate-expand" in waits[0]
    assert "migrate-contract" in waits[-1]
    assert {each.split()[2] for each in waits[1:-1]} == {f"deployment/{name}" for name in NAMES}


def test_everything_of_ours_runs_the_very_image_that_was_named(tmp_path: Path) -> None:
    sent = rolled_out(tmp_path).sent

    ours = [line.strip() for line in sent.splitlines() if "imagemill" in line and "image:" in line]

    assert ours == [f"image: {IMAGE}"] * (len(NAMES) + 2)


def test_where_a_process_does_not_become_ready_all_go_back_and_nothing_shrinks(
    tmp_path: Path,
) -> None:
    cluster = rolled_out(tmp_path, failing="jobs")

    assert cluster.code == 1
    assert {f"rollout undo deployment/{name}" for name in NAMES} <= set(cluster.told)
    assert not any("migrate-contract" in each for each in cluster.told)
