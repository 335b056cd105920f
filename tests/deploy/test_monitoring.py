"""Dashboards, alerts and what scales ask for numbers that the program tells, under their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from deploy.monitoring.dashboards import FOLDER, files
from imagemill.telemetry import metrics
from tests.deploy.dockerfile import ROOT
from tests.deploy.documents import load
from tests.deploy.queries import read
from tests.deploy.test_alerts import RULES

TARGET = frozenset({"job", "instance", "service", "namespace", "pod", "le"})
"""Labels that Prometheus adds, by the target or for a histogram."""
OF_PROMETHEUS = {"up": frozenset[str](), "ALERTS": frozenset({"alertname", "alertstate"})}
SCALING = ROOT / "deploy/kubernetes"


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query in deploy/, with where it stands."""
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]
    for group in load(RULES)["groups"]:
        for rule in group["rules"]:
            yield f"alerts.yaml: {rule.get('alert') or rule['record']}", rule["expr"]
    for path in sorted(SCALING.rglob("*.yaml")):
        for query in re.findall(
            r"^\s+query: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield str(path.relative_to(ROOT)), load(query)


def recorded() -> set[str]:
    groups = load(RULES)["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


@pytest.fixture(scope="module")
def exported() -> Mapping[str, frozenset[str]]:
    """Give each name under which a number is told, and its labels."""
    ours = {name: frozenset(each.labels) for each in metrics.ALL for name in each.samples}
    process = dict.fromkeys(metrics.PROCESS_METRICS, frozenset[str]())
    return {**ours, **process, **OF_PROMETHEUS, **dict.fromkeys(recorded(), frozenset[str]())}


def test_a_query_is_read_for_its_names() -> None:
    found = read(
        'topk(3, sum by (le, route) (rate(a_bucket{x="}by (q)",y=~"5.."}[5m])))'
        " / on (z) b:c > 14.4e3"
    )

    assert found.metrics == {"a_bucket", "b:c"}
    assert found.labels == {"le", "route", "x", "y", "z"}


def test_there_are_queries_in_dashboards_alerts_and_scaling() -> None:
    places = " ".join(place for place, _ in queries())

    assert all(each in places for each in ("system.json", "alerts.yaml", "deploy/kubernetes"))


def test_every_number_that_is_asked_for_is_one_that_the_program_tells(
    exported: Mapping[str, frozenset[str]],
) -> None:
    unknown = [
        (place, name)
        for place, query in queries()
        for name in read(query).metrics
        if name not in exported
    ]

    assert unknown == []


def test_every_label_that_is_asked_for_belongs_to_a_number_of_that_query(
    exported: Mapping[str, frozenset[str]],
) -> None:
    unknown = []
    for place, query in queries():
        found = read(query)
        labels = TARGET.union(*(exported[name] for name in found.metrics))
        unknown += [(place, label) for label in found.labels - labels]

    assert unknown == []


def test_every_label_in_a_legend_or_a_summary_is_left_by_its_query() -> None:
    rules = load(RULES)["groups"]
    texts = [
        (target["expr"], target["legendFormat"])
        for path in FOLDER.glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    ]
    texts += [
        (rule["expr"], rule["annotations"]["summary"])
        for group in rules
        for rule in group["rules"]
        if "alert" in rule
    ]

    for query, text in texts:
        named = set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", text))

        assert named <= read(query).labels | TARGET, (query, text)


def test_the_dashboards_are_those_of_the_tables() -> None:
    written = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert written == dict(files()), "python -m deploy.monitoring.dashboards writes them"


def test_no_panel_lies_over_another() -> None:
    for path in FOLDER.glob("*.json"):
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }

            assert not taken & cells
            assert at["x"] + at["w"] <= 24
            taken |= cells


def test_grafana_finds_prometheus_and_the_dashboards_where_they_are_mounted() -> None:
    folder = FOLDER.parent / "provisioning"
    source = load(folder / "datasources/prometheus.yaml")
    provider = load(folder / "dashboards/imagemill.yaml")
    asked = {
        panel["datasource"]["uid"]
        for path in FOLDER.glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
    }

    assert asked == {source["datasources"][0]["uid"]}
    assert provider["providers"][0]["options"]["path"] == "/etc/grafana/dashboards"
