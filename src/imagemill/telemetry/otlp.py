"""Send spans to a collector by OTLP over HTTP; all that needs the extra `otel`.

Known limits: spans wait in memory, 2,048 at most; what a collector that is away does not take is
dropped after some tries and never holds work up. Beside the settings, the exporter heeds the
standard variables `OTEL_EXPORTER_OTLP_HEADERS`, `…_CERTIFICATE`, `…_COMPRESSION` and
`OTEL_RESOURCE_ATTRIBUTES`. Tested with opentelemetry-sdk 1.45.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from imagemill.telemetry.settings import TelemetrySettings

_TIMEOUT_S: Final = 5.0
"""Longest wait for a collector, once; a thread of its own waits."""
_EVERY_MS: Final = 1000


class Exporting:
    """A provider of tracers that is this process's own and nobody else's: none is global."""

    def __init__(self, settings: TelemetrySettings, service: str, version: str) -> None:
        """Send what `service` does; `close` at the end."""
        resource = Resource.create(
            {
                "service.name": settings.service_name or service,
                "service.namespace": settings.service_namespace,
                "service.version": version,
            }
        )
        self._flush_s = settings.flush_s
        self._version = version
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
            resource=resource,
            shutdown_on_exit=False,
        )
        endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_EVERY_MS)
        )

    def tracer(self) -> Tracer:
        """Give what makes spans."""
        return self._provider.get_tracer("imagemill", self._version)

    async def close(self) -> None:
        """Send what is left, for as long as the settings allow, in a thread that may be left."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # The loop has ended: nobody waited so long.
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=shut, name="spans-flush", daemon=True).start()
        try:
            async with asyncio.timeout(self._flush_s):
                await ended.wait()
        except TimeoutError:
            return
