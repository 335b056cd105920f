"""How a process comes to make spans, or says why it cannot."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from imagemill.assembly.parts import Parts
from imagemill.assembly.watching import open_tracing, watch_process
from imagemill.settings import Settings
from imagemill.telemetry.settings import TelemetrySettings
from tests.acceptance.system import surroundings

_WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry.sdk"] = None
from imagemill.cli.application import run
sys.exit(run(["serve", "--port", "0", "--data", sys.argv[1]]))
"""


async def test_without_a_collector_nothing_is_recorded(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        assert not open_tracing(Parts(Settings(data=tmp_path), opened)).is_on


async def test_with_a_collector_spans_are_made_and_the_end_is_not_held_up(tmp_path: Path) -> None:
    telemetry = TelemetrySettings(otlp_endpoint="http://127.0.0.1:9", flush_s=0.1)
    async with AsyncExitStack() as opened:
        settings = Settings(data=tmp_path, telemetry=telemetry)

        assert open_tracing(Parts(settings, opened)).is_on


@pytest.mark.parametrize("name", ["uploads", "gateway"])
async def test_a_disk_is_told_of_where_something_is_kept_on_it(tmp_path: Path, name: str) -> None:
    settings = Settings(data=tmp_path, keys_folder=tmp_path / "keys")
    async with AsyncExitStack() as opened:
        parts = Parts(settings, opened, wanted=(name,))
        watch_process(parts)

        told = (await parts.meter.told()).decode()

    is_told = "disk_free_bytes" in told
    assert (is_told, "metrics_left_out_total{" in told) == (name == "uploads", False)


@pytest.mark.slow
def test_a_collector_without_the_extra_is_refused_by_its_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_THE_EXTRA, str(tmp_path / "data")],
        env={**surroundings(), "IMAGEMILL_TELEMETRY_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "pip install 'imagemill[otel]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
