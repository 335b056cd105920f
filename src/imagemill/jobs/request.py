"""What a client asks for: a job, read from JSON, from a form or from a query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    model_validator,
)

from imagemill.errors import FieldError, InvalidRequest, NotFound
from imagemill.jobs.presets import PresetUse
from imagemill.jobs.turns import Priority
from imagemill.operations import Kind, Step, operations
from imagemill.pipeline import field_errors, parse
from imagemill.web.reading import value_of

MAX_OUTPUTS: Final = 20
"""Outputs of one job."""
SHORT_FORM_OUTPUT: Final = "result"
"""Name of the only output of a short form."""

ENCODING_FIELDS: Final = ("format", "quality")
"""Fields of `convert` that a short form takes beside its own step's."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Steps = list[dict[str, Any]]
_STEPS: Final = TypeAdapter(Steps)


def _of_its_kind(given: object, _: object) -> Steps | PresetUse:
    """Read steps or a preset's name; what is wrong is told of the one that was meant."""
    if isinstance(given, dict) and "preset" in given:
        return PresetUse.model_validate(given)
    if isinstance(given, list):
        return _STEPS.validate_python(given)
    raise ValueError("must be a list of steps, or an object that names a preset")


Pipeline = Annotated[Steps | PresetUse, WrapValidator(_of_its_kind)]
"""What stands under an output's name."""


class JobInput(BaseModel):
    """The picture to work on: an image by its id, or by where it is fetched from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_id: str | None = Field(
        default=None, description="An image that was uploaded before, or is being fetched."
    )
    url: str | None = Field(
        default=None,
        description="Where the image is: `http` or `https`, of a public host. The job waits for it;"
        " either this or `image_id`.",
    )

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        if (self.image_id is None) == (self.url is None):
            raise ValueError("give either image_id or url")
        return self


class TermsRequest(BaseModel):
    """What a job asks for itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: Priority = Field(
        default=Priority.NORMAL,
        description="Its lane: `high`, `normal` or `low`. Eight high jobs weigh as much as a "
        "normal one, and eight normal ones as much as a low one; within a lane every owner has "
        "the same share.",
    )
    max_retries: int | None = Field(
        default=None,
        ge=0,
        le=20,
        description="Tries after the first, when the error is one that may pass; left out, as "
        "the key or the settings say.",
    )
    timeout_s: float | None = Field(
        default=None,
        ge=1,
        le=3600,
        description="Seconds of work after which an attempt is killed; left out, as the key or "
        "the settings say, who also set the most that may be asked for.",
    )
    deadline_s: float | None = Field(
        default=None,
        ge=1,
        le=2_592_000,
        description="Seconds from now in which it must end, waiting included; else it fails.",
    )
    webhook_url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        description="Where to tell of its end, by a signed POST: an http or https URL of a public "
        "host, on port 80 or 443. A batch is told of once, when all its items have ended.",
    )


class JobRequest(TermsRequest):
    """Outputs to make of one picture."""

    input: JobInput | None = Field(
        default=None, description="The picture; left out where the request carries it."
    )
    outputs: dict[str, Pipeline] = Field(
        description="Name of each output to its steps: `op` and the operation's parameters. Or to "
        "a preset: its name as `preset`, and a `version` where it shall not be the newest.",
        examples=[{"small": [{"op": "resize", "width": 400}, {"op": "convert", "format": "webp"}]}],
    )
    fresh: bool = Field(
        default=False, description="Work even where the same result is stored already."
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """A job request that was read and found possible, picture apart."""

    outputs: Mapping[str, tuple[Step, ...]]
    """Steps by name; none where a preset still has to tell them."""
    image_id: str | None
    """None where the request carries the picture, or it is fetched."""
    fresh: bool
    type: str
    """The operation of a short form, or `pipeline`."""
    terms: TermsRequest = field(default_factory=TermsRequest)
    presets: Mapping[str, PresetUse] = field(default_factory=dict)
    """Presets by the name of the output whose steps they are; none once these are in place."""
    url: str | None = None
    """Where the picture is fetched from, if it is."""


def wish_of(value: Mapping[str, Any], *, type_: str = "pipeline") -> Wish:
    """Read a job from a JSON object; raises `InvalidRequest` naming all that is wrong."""
    errors: list[FieldError] = []
    outputs: dict[str, tuple[Step, ...]] = {}
    request: JobRequest | None = None
    try:
        request = JobRequest.model_validate(value)
    except ValidationError as error:
        errors.extend(field_errors(error))
    if _is_outputs(value.get("outputs")):
        outputs = _outputs(value["outputs"], errors)
    if request is None or errors:
        raise InvalidRequest("The job asks for what cannot be done.", errors=errors)
    return Wish(
        outputs=outputs,
        image_id=request.input.image_id if request.input else None,
        url=request.input.url if request.input else None,
        fresh=request.fresh,
        type=type_,
        terms=TermsRequest(**request.model_dump(include=set(TermsRequest.model_fields))),
        presets={k: each for k, each in request.outputs.items() if isinstance(each, PresetUse)},
    )


def wish_of_text(text: str | None) -> Wish:
    """Read a job from the form field or query parameter `job`."""
    if text is None:
        problem = FieldError("job", "is missing; send the outputs as JSON in this field.")
        raise InvalidRequest("The request says no work to be done.", errors=[problem])
    try:
        value = value_of(text)
    except ValueError as error:
        problem = FieldError("job", "is not JSON.")
        raise InvalidRequest("The job cannot be read.", errors=[problem]) from error
    if not isinstance(value, dict):
        problem = FieldError("job", "is JSON, but not an object.")
        raise InvalidRequest("The job cannot be read.", errors=[problem])
    return wish_of(value)


def wish_of_fields(operation: str, fields: Mapping[str, Any]) -> Wish:
    """Read a short form: one operation's parameters, and `format` and `quality` of the result.

    Values may be text, as forms and queries have it. Raises `NotFound` for an unknown operation.
    """
    known = operations()
    if operation not in known:
        raise NotFound(f"There is no operation {operation[:80]!r}; see /api/v1/operations.")
    mine = {name: _value(value) for name, value in fields.items()}
    image_id = mine.pop("image_id", None) if "image_id" not in _fields(known[operation]) else None
    url = mine.pop("url", None) if "url" not in _fields(known[operation]) else None
    named = {"image_id": image_id, "url": url}
    original = {name: each for name, each in named.items() if each is not None}
    given = mine.pop("input", original or None)
    about = {name: mine.pop(name) for name in ("fresh", *TermsRequest.model_fields) if name in mine}
    steps = [{"op": operation, **mine}]
    if known[operation].kind is Kind.PIXELS:
        taken = [name for name in ENCODING_FIELDS if name not in _fields(known[operation])]
        encoding = {name: steps[0].pop(name) for name in taken if name in steps[0]}
        steps.append({"op": "convert", **encoding})
    job = {"outputs": {SHORT_FORM_OUTPUT: steps}, "input": given, **about}
    return _shortened(job, operation)


def _shortened(value: Mapping[str, Any], operation: str) -> Wish:
    """Read the long form of a short one, with errors in the short one's words."""
    try:
        return wish_of(value, type_=operation)
    except InvalidRequest as error:
        errors = [FieldError(_short(each.field), each.problem) for each in error.errors]
        raise InvalidRequest(f"{operation} cannot be done so.", errors=errors) from error


def _short(field: str) -> str:
    return re.sub(rf"^outputs\.{SHORT_FORM_OUTPUT}(\.\d+)?\.?", "", field) or field


def _is_outputs(value: object) -> bool:
    """Tell whether steps can be looked at even where the job around them is wrong."""
    return isinstance(value, dict) and all(
        isinstance(steps, dict)
        or (isinstance(steps, list) and all(isinstance(step, dict) for step in steps))
        for steps in value.values()
    )


def _outputs(
    requested: Mapping[str, Sequence[Mapping[str, Any]] | Mapping[str, Any]],
    errors: list[FieldError],
) -> dict[str, tuple[Step, ...]]:
    """Read all pipelines; what is wrong is added to `errors`."""
    if not 1 <= len(requested) <= MAX_OUTPUTS:
        problem = f"has {len(requested)} outputs; a job has 1 to {MAX_OUTPUTS}."
        errors.append(FieldError("outputs", problem))
    outputs: dict[str, tuple[Step, ...]] = {}
    for name, steps in requested.items():
        at = f"outputs.{name[:64]}"
        if not _NAME.fullmatch(name):
            problem = "is no name; use up to 64 letters, digits, `-` and `_`."
            errors.append(FieldError(at, problem))
        try:
            outputs[name] = () if isinstance(steps, Mapping) else parse(steps, at=at)
        except InvalidRequest as wrong:
            errors.extend(wrong.errors)
    return outputs


def _fields(step: type[Step]) -> frozenset[str]:
    return frozenset(step.model_fields)


def _value(given: Any) -> Any:  # noqa: ANN401 - JSON values in, JSON values out
    """Read lists and objects that a form or query carries as JSON text."""
    if isinstance(given, str) and given[:1] in {"[", "{"}:
        try:
            return value_of(given)
        except ValueError:
            return given
    return given
