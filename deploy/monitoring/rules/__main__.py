"""Write the resource beside the alerts."""

from __future__ import annotations

from deploy.monitoring.rules import TARGET, resource

TARGET.write_text(resource(), encoding="utf-8")
