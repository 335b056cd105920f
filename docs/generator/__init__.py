"""Write what can be made from the code, so that it cannot say anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator.errors import errors_page
from docs.generator.log_events import log_events_page
from docs.generator.metrics import metrics_page
from docs.generator.operations import operations_page
from docs.generator.postman import postman_page
from docs.generator.settings import settings_page

DOCS = Path(__file__).parent.parent

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/errors.md": errors_page,
    "reference/log-events.md": log_events_page,
    "reference/metrics.md": metrics_page,
    "reference/operations.md": operations_page,
    "reference/settings.md": settings_page,
    "postman/imagemill.postman_collection.json": postman_page,
}
"""Path of the file below `docs/` to what it must hold."""


def stale() -> dict[str, str]:
    """Name the pages that are not what the code says, with the text that they should have."""
    wanted = {name: page() for name, page in PAGES.items()}
    return {name: text for name, text in wanted.items() if _read(name) != text}


def _read(name: str) -> str:
    page = DOCS / name
    return page.read_text(encoding="utf-8") if page.exists() else ""
