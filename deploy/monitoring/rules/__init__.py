"""Write the alerts as the Prometheus operator takes them: `python -m deploy.monitoring.rules`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parent / "alerts.yaml"
TARGET: Final = SOURCE.with_name("prometheus-rule.yaml")
_HEAD: Final = """\
# Written by `python -m deploy.monitoring.rules` from alerts.yaml. Change that file.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: imagemill }
spec:
"""


def resource() -> str:
    """Give the rules within a resource of Kubernetes: the same text, moved to the right."""
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    body = lines[lines.index("groups:") :]
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in body)
