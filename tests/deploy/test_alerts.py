"""The alert rules: each fires when it should, is quiet when it should be, and leads somewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring.rules import TARGET, resource
from tests.deploy.dockerfile import ROOT
from tests.deploy.documents import dump, load
from tests.peers.programs import program

MONITORING = ROOT / "deploy/monitoring"
RULES = MONITORING / "rules/alerts.yaml"
PAGE = ROOT / "docs/how-to/alerts.md"

Series = Mapping[str, str]
"""Samples a minute apart, as promtool writes them: `0+5x10` begins at 0 and grows by 5."""


@dataclass(frozen=True)
class Case:
    """What makes an alert fire after so many minutes, and what is like it and does not."""

    alert: str
    at_m: int
    fires: Series
    quiet: Series


def ended(completed: int, failed: int) -> Series:
    """Make jobs end, so many of each kind in a minute."""
    return {
        'jobs_ended_total{outcome="completed"}': f"0+{completed}x60",
        'jobs_ended_total{outcome="dead"}': f"0+{failed}x60",
    }


def answered(good: int, bad: int) -> Series:
    """Make the gateway answer for eight hours, so many requests of each kind in a minute."""
    return {
        'http_requests_total{service="gateway",status="200"}': f"0+{good}x480",
        'http_requests_total{service="gateway",status="503"}': f"0+{bad}x480",
    }


def told(delivered: int, again: int) -> Series:
    """Make the notifier try, so often in a minute."""
    return {
        'notifications_total{channel="webhook",outcome="delivered"}': f"0+{delivered}x60",
        'notifications_total{channel="webhook",outcome="again"}': f"0+{again}x60",
    }


def disk(free: str, size: str = "100x500") -> Series:
    """Let a disk have room, in parts of a hundred."""
    return {'disk_free_bytes{service="jobs"}': free, 'disk_size_bytes{service="jobs"}': size}


WAITING = {'tasks_queued_total{topic="jobs"}': "500x60"}
CASES = (
    Case(
        "QueueIsOld",
        15,
        {'queue_oldest_seconds{topic="jobs"}': "301x20"},
        {'queue_oldest_seconds{topic="jobs"}': "299x20"},
    ),
    Case("NoWorker", 5, WAITING, {**WAITING, "worker_busy_ratio": "0x10"}),
    Case(
        "WorkersAreFull",
        40,
        {**WAITING, "worker_busy_ratio": "1x60"},
        {'tasks_queued_total{topic="jobs"}': "10x60", "worker_busy_ratio": "1x60"},
    ),
    Case("ManyJobsFail", 40, ended(10, 5), ended(10, 1)),
    Case("DeadLetters", 15, {"dead_letters_waiting": "1x20"}, {"dead_letters_waiting": "0x20"}),
    Case("AttemptsAreLost", 30, {"attempts_lost_total": "0+1x40"}, {"attempts_lost_total": "3x40"}),
    Case(
        "BrokerLosesMessages",
        15,
        {"messages_lost_total": "0 0 0 0 4x20"},
        {"messages_lost_total": "4x20"},
    ),
    Case(
        "SandboxWasTried",
        10,
        {'sandbox_kills_total{process="worker",reason="forbidden_call"}': "0 0 0 1x10"},
        {'sandbox_kills_total{process="worker",reason="deadline"}': "0 0 0 1x10"},
    ),
    Case("NobodyIsTold", 40, told(1, 9), told(9, 1)),
    Case(
        "ProcessIsDown",
        5,
        {'up{job="imagemill",service="jobs",instance="a"}': "0x10"},
        {'up{job="imagemill",service="jobs",instance="a"}': "1 1 0 1x10"},
    ),
    Case(
        "StorageFails",
        15,
        {'breaker_failures_total{part="storage.write"}': "0+12x20"},
        {'breaker_failures_total{part="storage.write"}': "0+1x20"},
    ),
    Case(
        "PartIsLeftAlone",
        10,
        {'breaker_state{service="jobs",part="storage.read"}': "2x20"},
        {'breaker_state{service="jobs",part="storage.read"}': "1x20"},
    ),
    Case(
        "DatabaseFails",
        15,
        {'database_failures_total{database="jobs"}': "0+6x20"},
        {'database_failures_total{database="jobs"}': "0+1x20"},
    ),
    Case("DiskIsFull", 15, disk("9x20"), disk("11x20")),
    Case("DiskFillsUp", 300, disk("49-0.05x400"), disk("49-0.001x400")),
    Case("GatewayErrsFast", 70, answered(100, 2), answered(1000, 2)),
    Case("GatewayErrsSlowly", 420, answered(100, 1), answered(10_000, 1)),
)


def alerts() -> list[dict[str, Any]]:
    groups = load(RULES)["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def trial(case: Case, series: Series, *, fires: bool) -> dict[str, Any]:
    """Write one test as promtool reads it."""
    seen = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "name": f"{case.alert} {'fires' if fires else 'is quiet'}",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": seen, "eval_time": f"{case.at_m}m", "exp_samples": samples}],
    }


def promtool(*words: str) -> str:
    command = [program("promtool"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_has_a_case() -> None:
    assert [each["alert"] for each in alerts()] == [each.alert for each in CASES]


def test_every_alert_says_how_much_it_matters_and_where_to_read_on() -> None:
    page = PAGE.read_text(encoding="utf-8")

    for each in alerts():
        runbook = f"docs/how-to/alerts.md#{each['alert'].lower()}"

        assert each["labels"]["severity"] in {"critical", "warning"}
        assert each["annotations"]["summary"]
        assert each["annotations"]["runbook"] == runbook
        assert f"\n### {each['alert']}\n" in page


def test_the_resource_of_the_operator_is_made_from_the_same_rules() -> None:
    written = TARGET.read_text(encoding="utf-8")

    assert written == resource(), "python -m deploy.monitoring.rules writes it"
    assert load(TARGET)["spec"] == load(RULES)


@pytest.mark.slow
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert "FAILED" not in promtool("check", "config", str(MONITORING / "prometheus.yaml"))
    assert "FAILED" not in promtool("check", "rules", str(RULES))


@pytest.mark.slow
def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    trials = [
        trial(case, series, fires=fires)
        for case in CASES
        for series, fires in ((case.fires, True), (case.quiet, False))
    ]
    path = tmp_path / "alerts_test.yaml"
    path.write_text(dump({"rule_files": [str(RULES)], "tests": trials}), encoding="utf-8")

    said = promtool("test", "rules", str(path))

    assert "SUCCESS" in said
