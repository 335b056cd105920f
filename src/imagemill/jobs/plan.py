"""From a wish and its pictures to a plan: what to make, and under which key it will be stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from imagemill.contracts.uploads import Image
from imagemill.errors import FieldError, InvalidRequest, NotFound
from imagemill.jobs.job import Terms
from imagemill.jobs.request import Wish
from imagemill.operations import Step
from imagemill.pipeline import normal, predict


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """One output as it will be made."""

    steps: list[dict[str, Any]]
    """The pipeline in its normal form."""
    size: tuple[int, int] | None
    """Predicted (width, height) in pixels; None where only the pixels decide."""
    work_key: str
    """Digest of everything that the result depends on, owner included."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A job as it will be worked on."""

    image: Image
    pictures: dict[str, str]
    """Storage key of each further image that steps name, by image id."""
    digests: dict[str, str]
    """SHA-256 of the original and of each further image, by id."""
    outputs: dict[str, PlannedOutput]
    fresh: bool
    type: str
    terms: Terms = field(default_factory=Terms)
    deadline_s: float | None = None
    """Seconds from its acceptance in which the job must end; None for no deadline."""

    @property
    def pixels(self) -> int:
        """Pixels of the original, all frames."""
        facts = self.image.facts
        return facts.width * facts.height * facts.frames


def images_needed(wish: Wish) -> list[str]:
    """List the ids of all images that a wish names."""
    named = {each for steps in wish.outputs.values() for step in steps for each in step.images}
    return sorted(named | ({wish.image_id} if wish.image_id else set()))


def plan_of(wish: Wish, image: Image | None, images: Mapping[str, Image], engine: str) -> Plan:
    """Bind a wish to its pictures.

    `image` is the picture that the request carried, if it did; `images` are the ones found by id;
    `engine` names the versions that make the pixels. Raises `NotFound` for an unknown input and
    `InvalidRequest` for an unknown picture in a step.
    """
    assert not wish.presets, "the steps of presets are put in place before"
    refuse_missing(wish, images, carries=image is not None)
    original = image or images[wish.image_id or ""]
    pictures = {each: images[each] for each in images_needed(wish) if each != wish.image_id}
    if original.image_id in {each for step in _steps(wish) for each in step.images}:
        pictures[original.image_id] = original
    return Plan(
        image=original,
        pictures={each: found.storage_key for each, found in pictures.items()},
        digests={each.image_id: each.sha256 for each in (original, *pictures.values())},
        outputs={
            name: _planned(steps, original, pictures, engine)
            for name, steps in wish.outputs.items()
        },
        fresh=wish.fresh,
        type=wish.type,
        terms=terms_of(wish),
        deadline_s=wish.terms.deadline_s,
    )


def refuse_missing(wish: Wish, known: Container[str], *, carries: bool) -> None:
    """Raise `NotFound` for an unknown input and `InvalidRequest` for an unknown further image.

    `carries` tells whether the picture to work on came with the request.
    """
    if not carries and wish.image_id is None and wish.url is None:
        problem = FieldError("input", "is missing; name an image, or send one as `file`.")
        raise InvalidRequest("The job has no picture to work on.", errors=[problem])
    if not carries and wish.image_id is not None and wish.image_id not in known:
        raise NotFound("There is no such image; upload it, or look its id up.")
    further = (each for each in images_needed(wish) if each != wish.image_id)
    errors = [
        FieldError("image_id", f"{each[:80]!r} is not an image.")
        for each in further
        if each not in known
    ]
    if errors:
        raise InvalidRequest("A step names an image that is not there.", errors=errors)


def terms_of(wish: Wish) -> Terms:
    """Give what a wish asks for its job, its deadline apart."""
    return Terms(
        priority=wish.terms.priority,
        max_retries=wish.terms.max_retries,
        timeout_s=wish.terms.timeout_s,
        webhook_url=wish.terms.webhook_url,
    )


def _steps(wish: Wish) -> list[Step]:
    return [step for steps in wish.outputs.values() for step in steps]


def _planned(
    steps: tuple[Step, ...], original: Image, pictures: Mapping[str, Image], engine: str
) -> PlannedOutput:
    written = normal(steps)
    used = sorted({pictures[each].sha256 for step in steps for each in step.images})
    work = [original.owner, original.sha256, written, used, engine]
    digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
    return PlannedOutput(steps=written, size=predict(steps, original.facts), work_key=digest)
