"""How a command gives up: one sentence that says what happened and what to do."""

from __future__ import annotations


class CommandFailed(Exception):
    """End the command with exit code 1 and this message."""
