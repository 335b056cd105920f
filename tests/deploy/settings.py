"""Names of settings in files that are no code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from imagemill.settings import NAMES, PREFIX, name_of, paths, secrets

_MENTION: Final = re.compile(r"\bIMAGEMILL_[A-Z0-9_]+\b")
OURS: Final = frozenset(
    {
        "IMAGEMILL_IMAGE",  # Which image Compose runs.
        "IMAGEMILL_HTTP_PORT",  # Where nginx is published.
        "IMAGEMILL_PASSWORDS",  # The folder that postgres/roles.sh reads.
    }
)
"""What the files of `deploy/` themselves are told."""
AWAITED: Final = frozenset(
    {
        *("IMAGEMILL_KEYS_FOLDER", "IMAGEMILL_METRICS_HOST", "IMAGEMILL_METRICS_PORT"),
        *("IMAGEMILL_TELEMETRY_OTLP_ENDPOINT", "IMAGEMILL_QUEUE_NATS_REPLICAS"),
        *("IMAGEMILL_STORAGE_ENDPOINT", "IMAGEMILL_STORAGE_PUBLIC_ENDPOINT"),
        *("IMAGEMILL_STORAGE_ACCESS_KEY", "IMAGEMILL_STORAGE_SECRET_KEY_FILE"),
        *("IMAGEMILL_STORAGE_ALLOW_HTTP", "IMAGEMILL_STORAGE_REGION"),
        *("IMAGEMILL_STORAGE_ORIGINALS_BUCKET", "IMAGEMILL_STORAGE_RESULTS_BUCKET"),
        *("IMAGEMILL_STORAGE_ENCRYPTION", "IMAGEMILL_STORAGE_CA_FILE"),
    }
)
"""Settings of the same release that are not there yet; empty when they are."""


def known() -> frozenset[str]:
    """Name every variable that a process takes."""
    names = {name_of(path) for path in paths()} | {f"{PREFIX}{each}" for each in NAMES}
    return frozenset(names | {f"{name_of(path)}_FILE" for path in secrets()} | AWAITED)


def mentioned(path: Path) -> frozenset[str]:
    """Name every variable of Imagemill that a file mentions."""
    return frozenset(_MENTION.findall(path.read_text(encoding="utf-8")))
