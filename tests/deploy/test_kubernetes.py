"""The manifests: built, valid, and whole in what they refer to. No cluster has run them here."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagemill.assembly.databases import VARIABLES
from imagemill.contracts.jobs import TOPIC
from imagemill.gateway.settings import GatewaySettings
from imagemill.processes import BY_NAME, NAMES
from imagemill.serving import _GRACE_S
from imagemill.worker.settings import WorkerSettings
from tests.deploy import manifests
from tests.deploy.checkov import complaints
from tests.deploy.documents import dump, load_all
from tests.deploy.manifests import COMPONENT, MIGRATIONS, OVERLAYS, Resource, Workload, of_kind
from tests.deploy.schemas import SPECS, Wrong, check
from tests.deploy.settings import known

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kustomize")]

SKIPPED = {
    "CKV_K8S_43": "Digests are put in when an image is deployed, and by Renovate; tags are exact.",
    "CKV_K8S_15": "An exact image does not change, so a machine that has it may start without a "
    "registry.",
}
"""Checks of checkov that are left out, and why."""
ONCE = {"buckets", "roles", "migrate-expand", "migrate-contract"}
NOT_OURS = frozenset({"imagemill-certificate"})
"""Secrets that others make: cert-manager."""


@pytest.fixture(params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> tuple[Resource, ...]:
    return manifests.overlay(request.param)


@pytest.fixture
def workloads(resources: tuple[Resource, ...]) -> list[Workload]:
    return manifests.workloads(resources)


def configured(resources: tuple[Resource, ...], workload: Workload) -> dict[str, str]:
    """Give the variables of a container, those of its ConfigMaps included."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(resources, "ConfigMap")}
    found: dict[str, str] = {}
    for each in workload.container.get("envFrom", ()):
        found |= maps[each["configMapRef"]["name"]]
    own = workload.container.get("env", ())
    return found | {each["name"]: each.get("value", "") for each in own}


def test_every_resource_is_what_its_schema_allows(resources: tuple[Resource, ...]) -> None:
    for each in resources:
        check(each)


def test_every_schema_of_our_own_is_used() -> None:
    found = {
        (each["apiVersion"], each["kind"])
        for name in OVERLAYS
        for each in manifests.built(f"overlays/{name}")
    }

    assert set(SPECS) <= found


@pytest.mark.parametrize("kind", ["ScaledObject", "Deployment"])
def test_a_word_that_is_wrong_is_refused(kind: str) -> None:
    right = of_kind(manifests.built("overlays/production"), kind)[0]
    wrong = {**right, "spec": {**right["spec"], "maxReplicas": 3}}

    with pytest.raises(Wrong, match="maxReplicas"):
        check(wrong)


@pytest.mark.timeout(150)
def test_checkov_has_nothing_to_say_but_what_is_left_out_with_a_reason(tmp_path: Path) -> None:
    for name in OVERLAYS:
        text = "---\n".join(dump(each) for each in manifests.overlay(name))
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    assert complaints(tmp_path, "kubernetes", SKIPPED) == []


def test_every_process_is_a_deployment_with_a_service_of_its_name(
    resources: tuple[Resource, ...], workloads: list[Workload]
) -> None:
    ours = {each.name: each for each in workloads if each.container["image"].count("imagemill")}
    services = {each["metadata"]["name"]: each for each in of_kind(resources, "Service")}

    assert set(ours) - ONCE == set(NAMES)
    for name in NAMES:
        assert ours[name].container["args"] == ["serve", name]
        told = configured(resources, ours[name])
        for peer in BY_NAME[name].asks:
            host, port = told[f"IMAGEMILL_PEERS_{peer.upper()}"].removeprefix("http://").split(":")
            assert port in {str(each["port"]) for each in services[host]["spec"]["ports"]}


def test_every_variable_is_a_setting_with_a_value_that_it_takes(
    resources: tuple[Resource, ...], workloads: list[Workload]
) -> None:
    for each in workloads:
        names = {name for name in configured(resources, each) if name.startswith("IMAGEMILL_")}

        assert names - known() == set(), each.name


def test_every_selector_takes_the_pods_of_one_workload(
    resources: tuple[Resource, ...], workloads: list[Workload]
) -> None:
    selectors = [
        (each["metadata"]["name"], {"matchLabels": each["spec"]["selector"]})
        for each in of_kind(resources, "Service")
    ]
    selectors += [
        (each["metadata"]["name"], each["spec"]["selector"])
        for each in of_kind(resources, "PodDisruptionBudget", "Deployment", "StatefulSet")
    ]

    for name, selector in selectors:
        taken = [each.name for each in workloads if manifests.selects(selector, each.labels)]

        assert taken == [name.removesuffix("-each")]


def test_every_port_that_is_named_is_listened_at(
    resources: tuple[Resource, ...], workloads: list[Workload]
) -> None:
    by_name = {each.name: each for each in workloads}
    for service in of_kind(resources, "Service"):
        ports = by_name[service["metadata"]["name"].removesuffix("-each")].ports
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports
            assert port["port"] == ports[port["targetPort"]]
    for each in workloads:
        probes = [value for key, value in each.container.items() if key.endswith("Probe")]
        asked = {
            probe[how]["port"]
            for probe in probes
            for how in ("httpGet", "tcpSocket")
            if how in probe
        }
        assert asked <= set(each.ports)


def test_every_backend_of_a_route_is_a_service_with_that_port(
    resources: tuple[Resource, ...],
) -> None:
    services = {
        (each["metadata"]["name"], port["port"])
        for each in of_kind(resources, "Service")
        for port in each["spec"]["ports"]
    }
    gateways = {
        (each["metadata"]["name"], listener["name"])
        for each in of_kind(resources, "Gateway")
        for listener in each["spec"]["listeners"]
    }

    for route in of_kind(resources, "HTTPRoute"):
        backends = [
            (each["name"], each["port"])
            for rule in route["spec"]["rules"]
            for each in rule.get("backendRefs", ())
        ]
        parents = {(each["name"], each["sectionName"]) for each in route["spec"]["parentRefs"]}
        assert set(backends) <= services
        assert parents <= gateways


def made_secrets(folder: Path, **environ: str) -> dict[str, dict[str, str]]:
    """Give the secrets that the script makes, with what each key holds."""
    make = folder / "make-keys"
    make.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "for name in ('service-key', 'admin-key', 'token-keys', 'url-keys'):\n"
        "    pathlib.Path(sys.argv[1], name).write_text('made')\n",
        encoding="utf-8",
    )
    make.chmod(0o700)
    path = f"{Path(manifests.kubectl()).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(manifests.FOLDER / "make-secrets"), str(folder / "made")],
        env={**os.environ, "MAKE_KEYS": str(make), "PATH": path, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        each["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in each["data"].items()
        }
        for each in load_all(done.stdout)
    }


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Give the keys of each secret that the script makes."""
    made = made_secrets(tmp_path_factory.mktemp("kubernetes"))
    return {name: set(each) for name, each in made.items()}


def test_addresses_lead_to_a_postgresql_outside_whose_superuser_stays_there(tmp_path: Path) -> None:
    made = made_secrets(tmp_path, POSTGRES_AT="db.example.com:5432/pictures?sslmode=verify-full")

    addresses = made["imagemill-database"]
    assert set(made) & {"imagemill-postgres", "imagemill-roles"} == set()
    assert {each.partition("@")[2] for each in addresses.values()} == {
        "db.example.com:5432/pictures?sslmode=verify-full"
    }


def test_every_key_that_is_mounted_is_in_a_map_that_is_built_or_a_secret_that_the_script_makes(
    resources: tuple[Resource, ...], workloads: list[Workload], secrets: dict[str, set[str]]
) -> None:
    maps = {each["metadata"]["name"]: set(each["data"]) for each in of_kind(resources, "ConfigMap")}

    for each in workloads:
        for kind, name, key in each.needs():
            there = secrets if kind == "Secret" else maps

            assert name in there, (each.name, kind, name)
            assert not key or key in there[name], (each.name, name, key)


def test_every_file_that_a_variable_names_is_mounted(
    resources: tuple[Resource, ...], workloads: list[Workload]
) -> None:
    for each in workloads:
        mounts = tuple(mount["mountPath"] for mount in each.container.get("volumeMounts", ()))
        named = [
            value for key, value in configured(resources, each).items() if key.endswith("_FILE")
        ]
        assert all(value.startswith(mounts) for value in named), each.name


def test_every_volume_is_mounted_and_every_mount_has_its_volume(workloads: list[Workload]) -> None:
    for each in workloads:
        claimed = each.resource["spec"].get("volumeClaimTemplates", ())
        volumes = {volume["name"] for volume in each.pod.get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in claimed}

        assert {mount["name"] for mount in each.container.get("volumeMounts", ())} == volumes


def test_every_process_gets_only_the_keys_that_it_needs(workloads: list[Workload]) -> None:
    by_name = {each.name: set(each.needs()) for each in workloads}

    for name in NAMES:
        database = {key for _, secret, key in by_name[name] if secret == "imagemill-database"}
        keys = {key for _, secret, key in by_name[name] if secret == "imagemill-keys"}
        assert database == ({BY_NAME[name].owns} if BY_NAME[name].owns else set())
        assert ("admin-key" in keys, "token-keys" in keys) == (name == "users",) * 2


def test_pods_are_restricted_and_know_nothing_of_the_cluster(workloads: list[Workload]) -> None:
    for each in workloads:
        pod, container = each.pod, each.container
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}


def test_namespaces_enforce_that(resources: tuple[Resource, ...]) -> None:
    (namespace,) = of_kind(resources, "Namespace")
    inside = {
        each["metadata"].get("namespace")
        for each in resources
        if each["kind"] not in {"Namespace", "PriorityClass"}
    }

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert inside == {namespace["metadata"]["name"]}


def test_an_overlay_has_nothing_that_is_the_whole_clusters() -> None:
    for name in OVERLAYS:
        kinds = {each["kind"] for each in manifests.built(f"overlays/{name}")}

        assert kinds & {"Namespace", "PriorityClass", "Role", "ClusterRole"} == set()


def test_whoever_rolls_out_may_bring_every_kind_and_read_no_secret() -> None:
    (role,) = of_kind(manifests.built("cluster/production"), "Role")
    may = {
        (group, what): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for what in rule["resources"]
    }
    brought = {
        (each["apiVersion"].rpartition("/")[0], _plural(each["kind"]))
        for name in OVERLAYS
        for where in (f"overlays/{name}", "migrate/expand")
        for each in manifests.built(where)
    }

    assert {
        kind for kind in brought if not {"get", "create", "patch"} <= may.get(kind, set())
    } == set()
    assert "delete" in may["batch", "jobs"]
    assert ("", "secrets") not in may


def _plural(kind: str) -> str:
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith("cy") else f"{name}s"


def test_the_job_that_makes_roles_finds_the_password_of_each(secrets: dict[str, set[str]]) -> None:
    passwords = {f"password-{each}" for each in VARIABLES}

    assert secrets["imagemill-roles"] == {"database-url-admin"} | passwords


def test_what_migrating_needs_is_there_before() -> None:
    first = {
        name: {
            (each["kind"], each["metadata"]["name"])
            for each in manifests.built(f"overlays/{name}")
            if each["metadata"].get("labels", {}).get("imagemill/first") == "true"
        }
        for name in OVERLAYS
    }

    names = {("NetworkPolicy", "names")}
    assert first["production"] == first["external"] == names | {("NetworkPolicy", "to-database")}
    assert first["dev"] == names | {
        *((kind, "postgres") for kind in ("ServiceAccount", "Service", "StatefulSet")),
        *(("NetworkPolicy", each) for each in ("postgres", "to-postgres")),
        ("Job", "roles"),
    }


def test_what_stays_is_asked_whether_it_is_well(workloads: list[Workload]) -> None:
    for each in workloads:
        probes = {key for key in each.container if key.endswith("Probe")}

        assert {"livenessProbe", "readinessProbe"} <= probes or each.name in ONCE


def test_a_process_is_given_more_time_to_stop_than_it_takes(workloads: list[Workload]) -> None:
    longest_s = max(GatewaySettings().grace_s, WorkerSettings().grace_s) + _GRACE_S

    for each in workloads:
        if each.name in NAMES:
            pause_s = each.container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert each.pod["terminationGracePeriodSeconds"] > longest_s + pause_s


def test_every_image_has_an_exact_version(workloads: list[Workload]) -> None:
    exact = re.compile(r":v?(\d+\.\d+\.\d+|\d+\.\d+-|RELEASE\.\d{4}-\d\d-\d\d)[\w.-]*$")

    assert all(exact.search(each.container["image"]) for each in workloads)


@pytest.mark.parametrize(("name", "most"), [("production", 20), ("external", 20)])
def test_workers_grow_from_three_and_the_gateway_by_its_processors(name: str, most: int) -> None:
    resources = manifests.built(f"overlays/{name}")
    (scaled,) = of_kind(resources, "ScaledObject")
    (pods,) = of_kind(resources, "HorizontalPodAutoscaler")
    counted = {
        each["metadata"]["name"]
        for each in of_kind(resources, "Deployment")
        if "replicas" in each["spec"]
    }

    spec = scaled["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, most)
    assert f'topic="{TOPIC}"' in spec["triggers"][0]["metadata"]["query"]
    assert spec["triggers"][0]["metadata"]["query"].startswith("max(tasks_queued_total")
    assert pods["spec"]["scaleTargetRef"]["name"] == "gateway"
    # Who scales counts; a number of our own would be put back at every deployment.
    assert not counted & {"gateway", "worker"}


def alternatives() -> Iterator[Any]:
    text = (manifests.FOLDER / "components/keda-nats/kustomization.yaml").read_text()
    (patch,) = load_all(text)[0]["patches"]
    yield from load_all(patch["patch"])[0]


def test_the_other_way_to_scale_asks_nats_for_the_stream_of_jobs() -> None:
    (change,) = alternatives()
    (scaled,) = of_kind(manifests.built("overlays/production"), "ScaledObject")

    spec = {**scaled["spec"], "triggers": change["value"]}

    check({**scaled, "spec": spec})
    assert spec["triggers"][0]["metadata"]["stream"] == f"imagemill-{TOPIC}"


def test_nats_knows_its_neighbours_by_the_names_that_they_have() -> None:
    resources = manifests.built("overlays/production")
    servers = {each["metadata"]["name"]: each for each in of_kind(resources, "StatefulSet")}
    (config,) = [
        each["data"]["nats.conf"]
        for each in of_kind(resources, "ConfigMap")
        if "nats.conf" in each["data"]
    ]

    routes = re.findall(r"nats://([\w.-]+):6222", config)

    spec = servers["nats"]["spec"]
    service, count = spec["serviceName"], spec["replicas"]
    assert routes == [f"nats-{number}.{service}" for number in range(count)]


@pytest.mark.parametrize("phase", MIGRATIONS)
def test_schemas_change_in_two_phases_as_their_owner(phase: str) -> None:
    (job,) = manifests.workloads(manifests.built(f"migrate/{phase}"))

    assert job.name == f"migrate-{phase}"
    assert job.container["args"] == ["migrate", "--phase", phase]
    assert ("Secret", "imagemill-database", "owner") in set(job.needs())
    assert job.labels[COMPONENT] == "migrate"
