"""What counts and measures in one process, and writes it down when Prometheus asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    UnknownMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from imagemill.errors import ImagemillError
from imagemill.telemetry.metrics import ALL, LEFT_OUT, Metric

_SCRAPE_S: Final = 2.0
"""Longest wait for the parts of a scrape; Prometheus gives up after 10 s."""
KEEP_S: Final = 5.0
"""How long what costs a look into a database is told again: scrapes come every 10 to 60 s."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """One number as it stands now."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
    """Values in the order of the metric's labels."""


Look = Callable[[], Awaitable[Sequence[Reading]]]


@dataclass(slots=True)
class _Part:
    """Something that is looked at when somebody asks, at most once within some seconds."""

    name: str
    look: Look
    keep_s: float
    _seen: Sequence[Reading] = ()
    _until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def seen(self) -> Sequence[Reading]:
        """Tell the last look, or look again; raises what the look raises, or `TimeoutError`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_SCRAPE_S), self._looking:
            if loop.time() >= self._until:
                self._seen = await self.look()
                self._until = loop.time() + self.keep_s
            return self._seen


class Meter:
    """The metrics of one process, in a registry of its own."""

    def __init__(self, processes: Iterable[str] = ()) -> None:
        """Tell from the start, as 0, what these processes count without labels."""
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._counts: dict[tuple[str, tuple[str, ...]], Counter] = {}
        self._values: dict[tuple[str, tuple[str, ...]], Histogram] = {}
        """Those with labels, found in half the time that the library takes."""
        self._parts: list[_Part] = []
        ProcessCollector(registry=self._registry)
        here = frozenset(processes)
        for each in ALL:
            if not each.by or here.intersection(each.by):
                self._begin(each)

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter; costs about a microsecond, as `observe` does."""
        one = self._counts.get((metric.name, labels))
        if one is None:
            counter = self._counter(metric)
            one = counter.labels(*labels) if labels else counter
            self._counts[metric.name, labels] = one
        one.inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a value into a histogram."""
        one = self._values.get((metric.name, labels))
        if one is None:
            histogram = self._histogram(metric)
            one = histogram.labels(*labels) if labels else histogram
            self._values[metric.name, labels] = one
        one.observe(value)

    def watch(self, part: str, look: Look, *, keep_s: float = 0.0) -> None:
        """Ask `look` when somebody scrapes, not again within `keep_s`; it may fail or hang."""
        self._parts.append(_Part(part, look, keep_s))

    async def told(self) -> bytes:
        """Write everything as Prometheus reads it, in 2 s at most.

        What a part cannot tell in time is left out, counted and logged.
        """
        readings = await asyncio.gather(*(self._of(part) for part in self._parts))
        return generate_latest(_Told(self._registry, [one for many in readings for one in many]))

    async def _of(self, part: _Part) -> Sequence[Reading]:
        try:
            return await part.seen()
        except (ImagemillError, OSError, TimeoutError) as error:
            _log.warning("metrics_left_out", part=part.name, reason=str(error) or repr(error))
            self.count(LEFT_OUT, part.name)
            return ()

    def _begin(self, metric: Metric) -> None:
        if metric.kind == "counter" and metric.known:
            for each in metric.known:
                self._counter(metric).labels(each)
        elif metric.kind == "counter" and not metric.labels:
            self._counter(metric)

    def _counter(self, metric: Metric) -> Counter:
        found = self._counters.get(metric.name)
        if found is None:
            found = Counter(metric.name, metric.help, metric.labels, registry=self._registry)
            self._counters[metric.name] = found
        return found

    def _histogram(self, metric: Metric) -> Histogram:
        found = self._histograms.get(metric.name)
        if found is None:
            found = Histogram(
                metric.name,
                metric.help,
                metric.labels,
                buckets=metric.buckets,
                registry=self._registry,
            )
            self._histograms[metric.name] = found
        return found


class _Told(Collector):
    """What was counted, and what was read just now."""

    def __init__(self, registry: CollectorRegistry, readings: Sequence[Reading]) -> None:
        self._registry = registry
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        for family in self._registry.collect():
            # When a counter began is told by nothing that reads this, and doubles the series.
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family
        families: dict[str, CounterMetricFamily | GaugeMetricFamily | UnknownMetricFamily] = {}
        for each in self._readings:
            if each.metric.name not in families:
                families[each.metric.name] = _family(each.metric)
            families[each.metric.name].add_metric(each.labels, each.value)
        yield from families.values()


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily | UnknownMetricFamily:
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    if metric.name.endswith("_total"):
        # A gauge of this name is what linters complain of; the documents' name has to stay.
        return UnknownMetricFamily(metric.name, metric.help, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
