"""What a part of a process is given to be seen by."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagemill.telemetry.meter import Meter
from imagemill.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Instruments:
    """What counts, and what makes spans; without settings they are seen by nobody."""

    meter: Meter = field(default_factory=Meter)
    tracing: Tracing = field(default_factory=Tracing)
