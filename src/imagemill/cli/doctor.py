"""`imagemill doctor`: show what this installation is made of, and what it lacks."""

from __future__ import annotations

from imagemill.cli import options, screen


def doctor(*, data: options.Data = None) -> None:
    """Show what is set, what works, what is missing."""
    screen.note(f"{data}")
