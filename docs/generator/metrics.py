"""The page of metrics, from the table in `telemetry/metrics.py`."""

from __future__ import annotations

from docs.generator.markdown import page, table
from imagemill.telemetry.metrics import ALL, PROCESS_METRICS, Metric

_INTRODUCTION = """\
What `/metrics` tells, for Prometheus. [How to watch Imagemill](../how-to/watch-it.md) says where it
is asked and what to make of it. A process exports what its services know; where all run in one, it
exports everything, each number once. Counters begin anew with the process."""

_PROCESS = """\
## Of the process itself

The Prometheus client adds what Linux tells of each process, its sandbox's children not counted:
"""


def metrics_page() -> str:
    """Give the page: one row for each metric, then what is told of every process."""
    names = ", ".join(f"`{each}`" for each in PROCESS_METRICS)
    return page("Metrics", _INTRODUCTION, _table(), f"{_PROCESS}{names}.", _buckets())


def _table() -> str:
    return table(("metric", "kind", "labels", "told by", "meaning"), map(_cells, ALL))


def _cells(metric: Metric) -> tuple[str, ...]:
    labels = ", ".join(f"`{each}`" for each in metric.labels)
    return (f"`{metric.name}`", metric.kind, labels, ", ".join(metric.by) or "all", metric.help)


def _buckets() -> str:
    rows = [
        (f"`{each.name}`", ", ".join(f"{bound:g}" for bound in each.buckets))
        for each in ALL
        if each.buckets
    ]
    return f"## Buckets\n\n{table(('histogram', 'upper bounds, in seconds'), rows)}"
