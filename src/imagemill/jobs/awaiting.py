"""Jobs that are accepted before their images are there: what they wait for, and what they want."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image
from imagemill.jobs.job import Job, Terms
from imagemill.jobs.plan import (
    Plan,
    PlannedOutput,
    images_needed,
    plan_of,
    refuse_missing,
    terms_of,
)
from imagemill.jobs.request import Wish
from imagemill.operations import Step
from imagemill.pipeline import normal


@dataclass(frozen=True, slots=True)
class Awaited:
    """A job that can be planned only when its images are there."""

    image_id: str
    """Of the original, which may be among those that are waited for."""
    waits: Mapping[str, str | None]
    """Where each image that is waited for is fetched from, by its id; None where it is already."""
    further: Collection[str]
    """Ids of the images that steps name: what is there of these is not to go meanwhile."""
    outputs: Mapping[str, PlannedOutput]
    """Steps as they were asked for, without the keys of their work."""
    fresh: bool
    type: str
    terms: Terms
    deadline_s: float | None
    asker: Identity
    """Who asked for it; the images are brought in by the same key."""

    @property
    def origin_url(self) -> str | None:
        """Where the original is fetched from; None where it was asked for before."""
        return self.waits.get(self.image_id)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of the images that wishes name."""

    images: Mapping[str, Image]
    pending: Collection[str] = frozenset()
    """Ids of images that are on their way."""


def urls_of(wish: Wish) -> list[str]:
    """List where a wish wants images to be fetched from."""
    named = {step.origin for steps in wish.outputs.values() for step in steps if step.origin}
    return sorted(named | ({wish.url} if wish.url else set()))


def bound(
    wish: Wish,
    image: Image | None,
    found: Found,
    asker: Identity,
    engine: str,
    new_id: Callable[[], str],
) -> Plan | Awaited:
    """Plan a wish if all its images are there, else tell what it waits for.

    Raises as `plan_of` does for images that are neither there nor on their way.
    """
    urls = urls_of(wish)
    pending = [each for each in images_needed(wish) if each in found.pending]
    if not urls and not pending:
        return plan_of(wish, image, found.images, engine)
    ids = {url: new_id() for url in urls}
    refuse_missing(wish, {*found.images, *found.pending}, carries=image is not None)
    image_id = image.image_id if image else wish.image_id or ids[wish.url or ""]
    return Awaited(
        image_id=image_id,
        waits={**dict.fromkeys(pending), **{ids[url]: url for url in urls}},
        further=[each for each in (*images_needed(wish), *ids.values()) if each != image_id],
        outputs={name: _steps(steps, ids) for name, steps in wish.outputs.items()},
        fresh=wish.fresh,
        type=wish.type,
        terms=terms_of(wish),
        deadline_s=wish.terms.deadline_s,
        asker=asker,
    )


def again(
    job: Job,
    waits: Mapping[str, str | None],
    asker: Identity,
    *,
    fresh: bool,
    new_id: Callable[[], str],
) -> Awaited:
    """Ask anew for the images that a job waited for in vain."""
    ids = {old: new_id() if url else old for old, url in waits.items()}
    return Awaited(
        image_id=ids.get(job.image_id, job.image_id),
        waits={ids[old]: url for old, url in waits.items()},
        further=[ids.get(each, each) for each in job.pictures],
        outputs={each.name: _awaited(_renamed(each.steps, ids)) for each in job.outputs},
        fresh=fresh,
        type=job.type,
        terms=replace(job.terms, deadline_at=None),
        deadline_s=None,
        asker=asker,
    )


def kept_as(wish: Wish, images: Mapping[str, Image]) -> Wish:
    """Name every further image by the id under which it is kept, so that equal work looks equal."""
    return Wish(
        outputs={
            name: tuple(_kept_as(step, images) for step in steps)
            for name, steps in wish.outputs.items()
        },
        image_id=wish.image_id,
        fresh=wish.fresh,
        type=wish.type,
        terms=wish.terms,
    )


def _kept_as(step: Step, images: Mapping[str, Image]) -> Step:
    for each in step.images:
        if each in images and images[each].image_id != each:
            return step.on_image(images[each].image_id)
    return step


def _steps(steps: Sequence[Step], ids: Mapping[str, str]) -> PlannedOutput:
    placed = [step.on_image(ids[step.origin]) if step.origin else step for step in steps]
    return _awaited(normal(placed))


def _awaited(steps: list[dict[str, Any]]) -> PlannedOutput:
    return PlannedOutput(steps=steps, size=None, work_key="")


def _renamed(steps: list[dict[str, Any]], ids: Mapping[str, str]) -> list[dict[str, Any]]:
    text = json.dumps(steps)
    for old, new in ids.items():
        text = text.replace(json.dumps(old), json.dumps(new))
    renamed: list[dict[str, Any]] = json.loads(text)
    return renamed
