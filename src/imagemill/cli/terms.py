"""The options that say how a job is tried: its lane, its tries, and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from imagemill.client import Terms

_LANES = ("high", "normal", "low")

Priority = Annotated[
    str | None, typer.Option(metavar="LANE", help=f"Whose turn it is: {', '.join(_LANES)}.")
]
Retries = Annotated[
    int | None, typer.Option(min=0, max=20, help="Tries after the first, if an error may pass.")
]
Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=1, max=3600, help="Kill a try that works longer."),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=1, max=2_592_000, help="Fail unless it has ended by then, from now."
    ),
]


def terms_of(
    priority: str | None, retries: int | None, timeout: float | None, deadline: float | None
) -> Terms:
    """Read the options; raises typer's `BadParameter` for a lane that there is not."""
    from imagemill.client import Priority as Lane
    from imagemill.client import Terms

    if priority not in {None, *_LANES}:
        raise typer.BadParameter(
            f"{priority} is none; there are {', '.join(_LANES)}.", param_hint="--priority"
        )
    return Terms(Lane(priority) if priority else None, retries, timeout, deadline)
