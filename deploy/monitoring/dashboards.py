"""Write the Grafana dashboards from the tables below: `python -m deploy.monitoring.dashboards`.

A dashboard is rows of panels; a panel is a title, a unit and queries with their legends. What is
generated is JSON as Grafana provisions it, and stands in the repository too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# ruff: noqa: ISC004 - a query in two lines is no missing comma
FOLDER: Final = Path(__file__).parent / "grafana/dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH, _HEIGHT = 24, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph, or one number."""

    title: str
    unit: str
    """As Grafana names it: `s`, `bytes`, `percentunit`, `reqps`, `short`."""
    queries: tuple[tuple[str, str], ...]
    """PromQL, and how its lines are called."""
    is_number: bool = False
    """Whether the newest value is shown in place of a graph."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    rows: tuple[tuple[Panel, ...], ...]


def number(title: str, unit: str, query: str) -> Panel:
    """Make a panel of one number."""
    return Panel(title, unit, ((query, ""),), is_number=True)


def quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """Ask for three quantiles of a histogram, or for the 95th hundredth by label."""
    if by:
        inner = f"sum by (le, {by}) (rate({metric}_bucket[5m]))"
        return ((f"histogram_quantile(0.95, {inner})", f"{{{{{by}}}}}"),)
    inner = f"sum by (le) (rate({metric}_bucket[5m]))"
    return tuple(
        (f"histogram_quantile({part}, {inner})", f"p{part * 100:g}") for part in (0.5, 0.95, 0.99)
    )


_GATEWAY: Final = 'service="gateway"'
_SYSTEM: Final = Dashboard(
    "imagemill-system",
    "Imagemill: system overview",
    (
        (
            number("Processes that answer", "short", 'sum(up{job="imagemill"})'),
            number("Workers", "short", "count(worker_busy_ratio)"),
            number("Jobs that wait", "short", 'max(tasks_queued_total{topic="jobs"})'),
            number("Dead letters", "short", "max(dead_letters_waiting)"),
            number("Originals", "bytes", 'max(storage_used_bytes{bucket="originals"})'),
            number("Results", "bytes", 'max(storage_used_bytes{bucket="results"})'),
        ),
        (
            Panel(
                "Requests at the gateway",
                "reqps",
                ((f"sum by (status) (rate(http_requests_total{{{_GATEWAY}}}[5m]))", "{{status}}"),),
            ),
            Panel(
                "Jobs that end",
                "ops",
                (("sum by (outcome) (rate(jobs_ended_total[5m]))", "{{outcome}}"),),
            ),
        ),
        (
            Panel(
                "Processors used",
                "short",
                (("sum by (service) (rate(process_cpu_seconds_total[5m]))", "{{service}}"),),
            ),
            Panel(
                "Memory",
                "bytes",
                (("sum by (service) (process_resident_memory_bytes)", "{{service}}"),),
            ),
            Panel(
                "Room on disks",
                "percentunit",
                (("min by (service) (disk_free_bytes / disk_size_bytes)", "{{service}}"),),
            ),
        ),
        (
            Panel(
                "Parts left alone (2) or tried (1)",
                "short",
                (("max by (service, part) (breaker_state) > 0", "{{service}} {{part}}"),),
            ),
            Panel(
                "Versions",
                "short",
                (("count by (version) (imagemill_build_info)", "{{version}}"),),
            ),
        ),
    ),
)
_PIPELINE: Final = Dashboard(
    "imagemill-jobs",
    "Imagemill: job pipeline",
    (
        (
            Panel("What waits", "short", (("max by (topic) (tasks_queued_total)", "{{topic}}"),)),
            Panel(
                "How long the oldest has waited",
                "s",
                (("max by (topic) (queue_oldest_seconds)", "{{topic}}"),),
            ),
        ),
        (
            Panel(
                "Where jobs are",
                "short",
                (
                    ("max(outbox_jobs)", "in the outbox"),
                    ("max by (topic) (queue_messages)", "at the broker: {{topic}}"),
                    ("max(jobs_processing)", "at a worker"),
                    ("max(dead_letters_waiting)", "dead letters"),
                ),
            ),
            Panel("From acceptance to the end", "s", quantiles("job_duration_seconds")),
        ),
        (
            Panel(
                "Messages that the broker took and did not take",
                "ops",
                (
                    ("sum by (topic) (rate(queue_published_total[5m]))", "{{topic}}: took"),
                    (
                        "sum by (topic) (rate(queue_publish_failures_total[5m]))",
                        "{{topic}}: did not",
                    ),
                ),
            ),
            Panel(
                "Attempts at the workers",
                "ops",
                (("sum by (outcome) (rate(images_processed_total[5m]))", "{{outcome}}"),),
            ),
        ),
        (
            Panel(
                "Attempts and messages lost, done again",
                "short",
                (
                    ("sum(increase(attempts_lost_total[5m]))", "attempts"),
                    ("sum(increase(messages_lost_total[5m]))", "messages"),
                ),
            ),
            Panel(
                "Who was told",
                "ops",
                (
                    (
                        "sum by (channel, outcome) (rate(notifications_total[5m]))",
                        "{{channel}}: {{outcome}}",
                    ),
                ),
            ),
        ),
    ),
)
_ERRORS: Final = Dashboard(
    "imagemill-errors",
    "Imagemill: error rates",
    (
        (
            Panel(
                "Requests that ended in an error of ours",
                "percentunit",
                (
                    ("imagemill:gateway_errors:ratio5m", "5 minutes"),
                    ("imagemill:gateway_errors:ratio1h", "1 hour"),
                    ("imagemill:gateway_errors:ratio6h", "6 hours"),
                ),
            ),
            Panel(
                "Errors of ours by route",
                "reqps",
                (
                    (
                        "topk(10, sum by (route, status) (rate(http_requests_total"
                        f'{{{_GATEWAY},status=~"5.."}}[5m])))',
                        "{{route}} {{status}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Requests refused",
                "reqps",
                (
                    (
                        "sum by (status) (rate(http_requests_total"
                        f'{{{_GATEWAY},status=~"4.."}}[5m]))',
                        "{{status}}",
                    ),
                    ("sum by (who) (rate(rate_limit_refusals_total[5m]))", "too often: {{who}}"),
                ),
            ),
            Panel(
                "Jobs that fail",
                "percentunit",
                (
                    (
                        'sum by (outcome) (rate(jobs_ended_total{outcome=~"failed|dead"}[15m]))'
                        " / on () group_left () sum(rate(jobs_ended_total[15m]))",
                        "{{outcome}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Children that died over a picture",
                "short",
                (("sum by (reason) (increase(sandbox_kills_total[5m]))", "{{reason}}"),),
            ),
            Panel(
                "Calls of parts that failed",
                "ops",
                (("sum by (part) (rate(breaker_failures_total[5m]))", "{{part}}"),),
            ),
            Panel(
                "Databases that could not be reached",
                "ops",
                (("sum by (database) (rate(database_failures_total[5m]))", "{{database}}"),),
            ),
        ),
    ),
)
_PERFORMANCE: Final = Dashboard(
    "imagemill-performance",
    "Imagemill: performance",
    (
        (
            Panel(
                "One output, by operation (p95)",
                "s",
                quantiles("image_processing_duration_seconds", "operation"),
            ),
            Panel(
                "Outputs, by operation",
                "ops",
                (
                    (
                        "sum by (operation) (rate(image_processing_duration_seconds_count[5m]))",
                        "{{operation}}",
                    ),
                ),
            ),
        ),
        (
            Panel("Workers busy", "percentunit", (("worker_busy_ratio", "{{instance}}"),)),
            Panel(
                "Orders in the sandbox",
                "short",
                (
                    ("sum by (process) (sandbox_working)", "{{process}}: worked on"),
                    ("sum by (process) (sandbox_waiting)", "{{process}}: wait"),
                    ("sum by (process) (sandbox_children)", "{{process}}: children"),
                ),
            ),
        ),
        (
            Panel(
                "Answers of the gateway, by route (p95)",
                "s",
                (
                    (
                        "topk(10, histogram_quantile(0.95, sum by (le, route) "
                        f"(rate(http_request_duration_seconds_bucket{{{_GATEWAY}}}[5m]))))",
                        "{{route}}",
                    ),
                ),
            ),
            Panel(
                "Commits, by database (p95)",
                "s",
                quantiles("database_commit_duration_seconds", "database"),
            ),
        ),
    ),
)
DASHBOARDS: Final = (_SYSTEM, _PIPELINE, _ERRORS, _PERFORMANCE)


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file and what belongs into it."""
    for each in DASHBOARDS:
        path = FOLDER / f"{each.uid.removeprefix('imagemill-')}.json"
        yield path, json.dumps(described(each), indent=1) + "\n"


def described(dashboard: Dashboard) -> dict[str, Any]:
    """Describe a dashboard as Grafana reads it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["imagemill"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number_of, top = 0, 0
    for row in dashboard.rows:
        width = _WIDTH // len(row)
        height = _HEIGHT // 2 if row[0].is_number else _HEIGHT
        for place, panel in enumerate(row):
            number_of += 1
            at = {"x": place * width, "y": top, "w": width, "h": height}
            yield {"id": number_of, "gridPos": at, **_panel(panel)}
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": "stat" if panel.is_number else "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": query, "legendFormat": legend}
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    for file, text in files():
        file.write_text(text, encoding="utf-8")
