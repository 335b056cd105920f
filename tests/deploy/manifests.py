"""Kubernetes manifests as `kubectl kustomize` makes them, and what they refer to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tests.deploy.dockerfile import ROOT
from tests.deploy.documents import load_all
from tests.peers.programs import apart

FOLDER: Final = ROOT / "deploy/kubernetes"
OVERLAYS: Final = ("dev", "production", "external")
CLUSTERS: Final = {"dev": "dev", "production": "production", "external": "production"}
"""What an administrator applied to a cluster before an overlay can be."""
MIGRATIONS: Final = ("expand", "contract")
COMPONENT: Final = "app.kubernetes.io/component"

Resource = dict[str, Any]


def kubectl() -> str:
    """Find kubectl, the machine's own or what `.ci/peers` put here; skip where there is none."""
    return shutil.which("kubectl") or apart("kubectl", "kubectl")


@cache
def built(where: str) -> tuple[Resource, ...]:
    """Build a folder below deploy/kubernetes; skip the test where there is no kubectl."""
    command = [kubectl(), "kustomize", str(FOLDER / where)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(load_all(done.stdout))


def overlay(name: str) -> tuple[Resource, ...]:
    """Give what there is by an overlay: what its cluster has before, and the Jobs that migrate."""
    resources = (*built(f"cluster/{CLUSTERS[name]}"), *built(f"overlays/{name}"))
    (namespace,) = of_kind(resources, "Namespace")
    jobs = [each for phase in MIGRATIONS for each in built(f"migrate/{phase}")]
    within = {"namespace": namespace["metadata"]["name"]}
    return (*resources, *({**each, "metadata": {**each["metadata"], **within}} for each in jobs))


def of_kind(resources: tuple[Resource, ...], *kinds: str) -> list[Resource]:
    """Pick resources of some kinds."""
    return [each for each in resources if each["kind"] in kinds]


@dataclass(frozen=True)
class Workload:
    """What makes pods: a Deployment, a StatefulSet or a Job."""

    resource: Resource

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.resource["metadata"]["name"])

    @property
    def pod(self) -> Resource:
        """What each of its pods is made of."""
        found: Resource = self.resource["spec"]["template"]["spec"]
        return found

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of its pods."""
        found: Mapping[str, str] = self.resource["spec"]["template"]["metadata"]["labels"]
        return found

    @property
    def container(self) -> Resource:
        """Its only container."""
        (found,) = self.pod["containers"]
        assert isinstance(found, dict)
        return found

    @property
    def ports(self) -> dict[str, int]:
        """The ports that it listens at, by name."""
        return {each["name"]: each["containerPort"] for each in self.container.get("ports", ())}

    def needs(self) -> Iterator[tuple[str, str, str]]:
        """Yield each key of a Secret or ConfigMap that must be there: kind, name, key or empty."""
        for volume in self.pod.get("volumes", ()):
            for source in volume.get("projected", {"sources": [volume]})["sources"]:
                yield from _keys_of(source)
        for each in self.container.get("envFrom", ()):
            yield "ConfigMap", each["configMapRef"]["name"], ""


def workloads(resources: tuple[Resource, ...]) -> list[Workload]:
    """Give everything that makes pods."""
    return [Workload(each) for each in of_kind(resources, "Deployment", "StatefulSet", "Job")]


def selects(selector: Resource, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector takes what has these labels."""
    wanted = selector.get("matchLabels", {})
    one_of = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in one_of)
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(each["key"]) in each["values"] for each in one_of
    )


def _keys_of(source: Resource) -> Iterator[tuple[str, str, str]]:
    if "secret" in source and not source["secret"].get("optional"):
        secret = source["secret"]
        name = secret.get("secretName") or secret["name"]
        for item in secret.get("items") or [{"key": ""}]:
            yield "Secret", name, item["key"]
    if "configMap" in source:
        yield "ConfigMap", source["configMap"]["name"], ""
