"""`imagemill migrate`: bring every database to the newest schema."""

from __future__ import annotations

from imagemill.cli import options, screen


def migrate(*, data: options.Data = None) -> None:
    """Bring the databases to this version."""
    screen.note(f"{data}")
