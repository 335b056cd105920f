"""What a run will do, decided before any of it is done: pictures, pipelines, and where to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imagemill.cli.errands import Errand, Outcome
from imagemill.cli.failure import CommandFailed
from imagemill.cli.files import find, format_of, names_a_file, target_of
from imagemill.cli.wishes import Outputs, Wishes, outputs_of
from imagemill.contracts.facts import Format
from imagemill.errors import FieldError, InvalidRequest
from imagemill.operations import Kind
from imagemill.pipeline import parse


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, ready to start."""

    outputs: Outputs
    """Pipelines by name, as the API takes them."""
    errands: tuple[Errand, ...]
    refused: tuple[Outcome, ...]
    """Pictures whose result would replace a file that may not be replaced."""


def plan(
    files: Sequence[Path],
    wishes: Wishes,
    output: Path,
    *,
    overwrite: bool,
    strict: bool = True,
) -> Plan:
    """Plan a run; raises `InvalidRequest` for wrong options and `CommandFailed` for no pictures.

    A file that exists is found here where the format of the result is known beforehand, and at
    the end of the work where it is not. Without `strict`, steps that this version does not know
    are left to a server that may know them.
    """
    sources = find(files, without=output)
    if not sources:
        raise CommandFailed(f"There are no pictures in {', '.join(map(str, files))}.")
    is_file = names_a_file(output, sources)
    outputs = outputs_of(_with_format(wishes, output) if is_file else wishes)
    formats = known_formats(outputs, strict=strict)
    if is_file and len(outputs) > 1:
        problem = f"{output} is one file, but the pipeline makes {len(outputs)}; name a folder."
        raise InvalidRequest("Wrong option.", errors=[FieldError("--output", problem)])
    errands = [
        Errand(source.path, target_of(source, output, is_file=is_file)) for source in sources
    ]
    refused = [_refusal(errand, formats, overwrite=overwrite) for errand in errands]
    return Plan(
        outputs,
        tuple(errand for errand, no in zip(errands, refused, strict=True) if no is None),
        tuple(no for no in refused if no),
    )


def known_formats(outputs: Outputs, *, strict: bool = True) -> dict[str, str | None]:
    """Tell what each output will be written as; None where the picture decides.

    Raises `InvalidRequest` naming every wrong field of every output at once, if it is `strict`.
    """
    errors: list[FieldError] = []
    formats: dict[str, str | None] = dict.fromkeys(outputs)
    for name, steps in outputs.items():
        try:
            last = parse(steps, at=name)[-1]
        except InvalidRequest as wrong:
            errors.extend(wrong.errors)
        else:
            formats[name] = "json" if last.kind is Kind.DATA else _known(last)
    if errors and strict:
        raise InvalidRequest("The steps cannot be taken.", errors=errors)
    return formats


def _known(last: object) -> str | None:
    wanted = str(getattr(last, "format", None))
    return wanted if wanted in set(Format) else None


def _with_format(wishes: Wishes, output: Path) -> Wishes:
    if wishes.format or wishes.pipeline:
        return wishes
    return replace(wishes, format=format_of(output))


def _refusal(errand: Errand, formats: dict[str, str | None], *, overwrite: bool) -> Outcome | None:
    only = len(formats) == 1
    for name, known in formats.items():
        path = errand.target.path(name, known or "", only=only)
        if known and path.exists():
            if path.samefile(errand.source):
                reason = f"{path} is the original itself; choose another folder with --output."
                return Outcome(errand.source, 0, reason=reason, code="original")
            if not overwrite:
                reason = f"{path} exists; --overwrite replaces it."
                return Outcome(errand.source, 0, reason=reason, code="exists")
    return None
