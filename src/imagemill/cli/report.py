"""The end of a run: a table or JSON of what became of every picture, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from imagemill.cli import screen
from imagemill.cli.errands import Fetched, Outcome
from imagemill.cli.screen import Column

COLUMNS = (
    Column("file"),
    Column("result"),
    Column("pixels", is_number=True),
    Column("before", is_number=True),
    Column("after", is_number=True),
    Column("saved", is_number=True),
    Column("ms", is_number=True),
)

PROMISED = (Column("file"), Column("job"))

Call = Callable[[Path], str]


def near(path: Path) -> str:
    """Call a file by its path from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def show(outcomes: Sequence[Outcome], *, as_json: bool, call: Call = near) -> int:
    """Write what became of every picture; gives the exit code: 1 when one failed.

    `call` says how files are called in the table.
    """
    failed = [each for each in outcomes if not each.is_good]
    if as_json:
        screen.say_json([described(each) for each in outcomes])
    else:
        screen.table(COLUMNS, [row for each in outcomes for row in rows(each, call)])
        for each in failed:
            screen.note(f"failed  {call(each.source)}: {each.reason}")
        screen.note(_summary(outcomes, len(failed)))
    return 1 if failed else 0


def show_promises(outcomes: Sequence[Outcome], *, as_json: bool) -> int:
    """Write which job each picture became; gives the exit code: 1 when one was not taken."""
    failed = [each for each in outcomes if not each.is_good]
    if as_json:
        screen.say_json([described(each) for each in outcomes])
    else:
        good = [each for each in outcomes if each.is_good]
        screen.table(PROMISED, [(str(each.source), each.job_id) for each in good])
        for each in failed:
            screen.note(f"failed  {each.source}: {each.reason}")
    return 1 if failed else 0


def rows(outcome: Outcome, call: Call = near) -> Iterator[tuple[str, ...]]:
    """Set one picture's results as rows of the table; the picture is named in the first."""
    name = call(outcome.source)
    if not outcome.is_good:
        yield (name, f"failed: {outcome.code}", "", "", "", "", "")
    for fetched in outcome.results:
        yield (name, call(fetched.path), *_cells(outcome, fetched))
        name = ""


def described(outcome: Outcome) -> dict[str, Any]:
    """Tell one picture's results for programs."""
    return {
        "file": str(outcome.source),
        "job_id": outcome.job_id or None,
        "image_id": outcome.image.image_id if outcome.image else None,
        "size_bytes": outcome.image.size_bytes if outcome.image else None,
        "milliseconds": round(outcome.milliseconds, 1),
        "results": [
            {"path": str(each.path), **each.output.model_dump(exclude={"url"})}
            for each in outcome.results
        ],
        "error": None if outcome.is_good else {"code": outcome.code, "detail": outcome.reason},
    }


def saved(before: int, after: int) -> str:
    """Write how much smaller a result is, in percent; a larger one is negative."""
    return f"{(1 - after / before) * 100:.1f} %" if before else ""


def pixels(fetched: Fetched) -> str:
    """Write a result's size in pixels; nothing for data."""
    output = fetched.output
    return f"{output.width} × {output.height}" if output.width else ""


def _cells(outcome: Outcome, fetched: Fetched) -> tuple[str, ...]:
    before = outcome.image.size_bytes if outcome.image else 0
    after = fetched.output.size_bytes
    return (
        pixels(fetched),
        screen.bytes_in_words(before),
        screen.bytes_in_words(after),
        saved(before, after),
        "stored" if fetched.output.cached else f"{fetched.output.milliseconds or 0:.0f}",
    )


def _summary(outcomes: Sequence[Outcome], failed: int) -> str:
    results = [one.output.size_bytes for each in outcomes for one in each.results]
    before = sum(each.image.size_bytes for each in outcomes if each.is_good and each.image)
    made = f"{_many(len(results), 'result')} of {_many(len(outcomes) - failed, 'picture')}"
    sizes = f"{screen.bytes_in_words(before)} became {screen.bytes_in_words(sum(results))}"
    return f"{made}: {sizes}; {failed} failed." if results else f"{failed} failed."


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
