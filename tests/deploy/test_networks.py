"""Who may speak to whom: the network policies are what the table of processes asks for, no more."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from imagemill.processes import BY_NAME, NAMES, PROCESSES
from tests.deploy import manifests
from tests.deploy.manifests import COMPONENT, OVERLAYS, Resource, of_kind, selects

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kustomize")]

Edge = tuple[str, str, int]
"""From, to, port."""
OWNERS = {each.name for each in PROCESSES if each.owns} | {"migrate"}
OBJECTS = {"uploads", "jobs", "worker"}
QUEUE = {"jobs", "worker"}
OUTSIDE = {"uploads", "notifier"}


def asked(name: str) -> set[Edge]:
    """Say which ways there must be."""
    edges = {(each.name, peer, 8000) for each in PROCESSES for peer in each.asks}
    # The gateway hands requests to all of them, and asks each how it is.
    edges |= {("gateway", each, 8000) for each in NAMES if each != "gateway"}
    edges |= {("gateway", "redis", 6379), ("nats", "nats", 6222)}
    edges |= {(each, "nats", 4222) for each in QUEUE}
    if name == "dev":
        edges |= {(each, "postgres", 5432) for each in OWNERS | {"roles"}}
    if name != "external":
        edges |= {(each, "minio", 9000) for each in OBJECTS | {"minio", "buckets"}}
    return edges


@pytest.fixture(params=OVERLAYS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def resources(name: str) -> tuple[Resource, ...]:
    return manifests.overlay(name)


def pods(resources: tuple[Resource, ...]) -> dict[str, dict[str, str]]:
    """Give the labels of pods by what they are."""
    found = [dict(each.labels) for each in manifests.workloads(resources)]
    return {labels[COMPONENT]: labels for labels in found}


def policies(
    resources: tuple[Resource, ...], direction: str
) -> Iterator[tuple[list[str], Resource]]:
    """Yield each rule in a direction, with the pods that it is for."""
    for policy in of_kind(resources, "NetworkPolicy"):
        spec = policy["spec"]
        subjects = [
            each for each, labels in pods(resources).items() if selects(spec["podSelector"], labels)
        ]
        for rule in spec.get(direction.lower(), ()):
            assert direction in spec["policyTypes"]
            yield subjects, rule


def between(resources: tuple[Resource, ...], direction: str) -> set[Edge]:
    """Collect the ways between pods of the namespace that one side allows."""
    side = "to" if direction == "Egress" else "from"
    edges: set[Edge] = set()
    for subjects, rule in policies(resources, direction):
        for peer in (each for each in rule[side] if set(each) == {"podSelector"}):
            others = [
                each
                for each, labels in pods(resources).items()
                if selects(peer["podSelector"], labels)
            ]
            edges |= {
                (one, other, port["port"]) if side == "to" else (other, one, port["port"])
                for one in subjects
                for other in others
                for port in rule["ports"]
            }
    return edges


def blocks(resources: tuple[Resource, ...]) -> dict[str, set[tuple[str, int]]]:
    """Give the networks that pods may reach, with the ports there."""
    found: dict[str, set[tuple[str, int]]] = {}
    for subjects, rule in policies(resources, "Egress"):
        for peer in (each for each in rule["to"] if "ipBlock" in each):
            reached = {(peer["ipBlock"]["cidr"], port["port"]) for port in rule["ports"]}
            for each in subjects:
                found.setdefault(each, set()).update(reached)
    return found


def test_nobody_speaks_to_anybody_unless_a_rule_says_so(resources: tuple[Resource, ...]) -> None:
    (nobody,) = [
        each["spec"]
        for each in of_kind(resources, "NetworkPolicy")
        if each["metadata"]["name"] == "nobody"
    ]

    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_way_that_is_asked_for_may_be_left_and_may_be_entered_and_no_other(
    name: str, resources: tuple[Resource, ...]
) -> None:
    assert between(resources, "Egress") == asked(name)
    assert between(resources, "Ingress") == asked(name)


def test_only_what_fetches_and_what_tells_reaches_the_internet(
    resources: tuple[Resource, ...],
) -> None:
    wide = {
        each
        for each, networks in blocks(resources).items()
        for network, _ in networks
        if ipaddress.ip_network(network).prefixlen < 8
    }

    assert wide == OUTSIDE


def test_of_the_internet_no_private_network_is_a_part(resources: tuple[Resource, ...]) -> None:
    rules = [rule for _, rule in policies(resources, "Egress")]
    open_blocks = [
        peer["ipBlock"]
        for rule in rules
        for peer in rule["to"]
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    ]
    private = [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "127.0.0.1",
    ]

    assert open_blocks
    for block in open_blocks:
        kept = [ipaddress.ip_network(each) for each in block["except"]]
        for address in private:
            assert any(ipaddress.ip_address(address) in network for network in kept), address


def test_what_is_outside_besides_is_the_database_and_the_objects(
    name: str, resources: tuple[Resource, ...]
) -> None:
    narrow = {
        (each, port)
        for each, networks in blocks(resources).items()
        for network, port in networks
        if ipaddress.ip_network(network).prefixlen >= 8
    }

    wanted = set() if name == "dev" else {(each, 5432) for each in OWNERS}
    wanted |= {(each, 443) for each in OBJECTS} if name == "external" else set()
    assert narrow == wanted


def test_callers_enter_at_the_gateway_and_at_the_objects_alone(
    name: str, resources: tuple[Resource, ...]
) -> None:
    entered = {
        (each, port["port"])
        for subjects, rule in policies(resources, "Ingress")
        for peer in rule["from"]
        if peer.get("namespaceSelector", {}).get("matchLabels") == {"imagemill/enters": "true"}
        for each in subjects
        for port in rule["ports"]
    }

    assert entered == {("gateway", 8000)} | (set() if name == "external" else {("minio", 9000)})


def test_all_processes_may_be_scraped(resources: tuple[Resource, ...]) -> None:
    scraped = {
        each
        for subjects, rule in policies(resources, "Ingress")
        for peer in rule["from"]
        if peer.get("namespaceSelector", {}).get("matchLabels") == {"imagemill/scrapes": "true"}
        for each in subjects
        for port in rule["ports"]
        if port["port"] == 9100
    }

    assert scraped == set(BY_NAME)
