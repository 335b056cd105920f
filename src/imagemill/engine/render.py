"""Make every output of one picture from one decode."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyvips

from imagemill import pipeline
from imagemill.contracts.facts import Facts, Format, Limits
from imagemill.engine import complaints, decode, probe
from imagemill.engine.orders import Answer, Rendered, RenderOrder
from imagemill.engine.original import Original, Wish
from imagemill.engine.picture import Picture
from imagemill.engine.progress import Progress, unheard
from imagemill.engine.pyramid import MARGIN, times_larger
from imagemill.errors import OutputImpossible
from imagemill.geometry import Size
from imagemill.operations import Kind, Step

MAX_OUTPUT_SIDE_PX = 40_000
"""The longest side of a picture between two steps; what formats can hold is less for some."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One output: its steps, what it takes of the original, and where it is written."""

    name: str
    steps: tuple[Step, ...]
    wish: Wish
    target: int


@dataclass(slots=True)
class Watch:
    """When what was reached, in milliseconds since the order was read."""

    began: float
    """When it was read, by the clock of this process."""
    opened_ms: float = 0.0
    decoded_ms: float = 0.0
    began_ms: float = 0.0
    """When the output that is made now began."""
    steps_ms: float = 0.0
    """How long its steps took."""

    def now_ms(self) -> float:
        """Tell how long ago the order was read."""
        return (time.perf_counter() - self.began) * 1000

    def begin(self) -> None:
        """Note that an output begins."""
        self.began_ms, self.steps_ms = self.now_ms(), 0.0


def render(
    order: RenderOrder,
    original: int,
    pictures: Sequence[int],
    targets: Sequence[int],
    tell: Callable[[int], None] = unheard,
) -> Answer:
    """Write every output of the order into its descriptor; the original is decoded once.

    Where it takes long, `tell` is given how far it is: 1 to 99, each higher than the one before.
    Raises a typed refusal when one output cannot be made, with its name in `output`; the
    descriptors then hold nothing that counts.
    """
    began = time.perf_counter()
    progress = Progress(tell, len(order.outputs), time.monotonic)
    known = probe.facts(original, order.limits)
    plans = [
        _plan(name, steps, known, target)
        for (name, steps), target in zip(order.outputs.items(), targets, strict=True)
    ]
    others = {
        name: _further(descriptor, order.limits)
        for name, descriptor in zip(order.pictures, pictures, strict=True)
    }
    shrink = _shrink(known, plans)
    decoder, watch = decode.Decoder(original, known), Watch(began)
    with complaints.translated(known.format):
        outputs = _outputs(decoder, plans, others, shrink, progress, watch)
    return Answer(
        facts=known,
        outputs=outputs,
        decodes=decoder.decodes,
        decode_shrink=shrink,
        opened_ms=watch.opened_ms,
        decoded_ms=watch.decoded_ms,
    )


def _plan(name: str, steps: Sequence[Mapping[str, object]], known: Facts, target: int) -> Plan:
    parsed = pipeline.parse(steps, at=f"outputs.{name}")
    frame = pipeline.first_frame(known)
    scaling = parsed[0].scaled(frame)
    wish = Wish(
        size=Size(scaling.width, scaling.height) if scaling else None,
        moving=known.format in decode.MOVING and parsed[-1].moves(frame),
        in_profile=any(step.in_profile for step in parsed),
        fast=bool(scaling and scaling.fast),
    )
    return Plan(name, parsed, wish, target)


def _further(descriptor: int, limits: Limits) -> pyvips.Image:
    """Decode a picture that steps name, such as a watermark, whole and upright."""
    known = probe.facts(descriptor, limits)
    wish = Wish(size=None, moving=False, in_profile=False)
    with complaints.translated(known.format):
        decoded = decode.decoded(descriptor, known, shrink=1, moving=False)
        silent = Progress(unheard, 1, time.monotonic)
        return Original(decoded, [wish], silent).frames(wish)[0].copy_memory()


def _shrink(known: Facts, plans: Sequence[Plan]) -> int:
    """Choose how much smaller the decoder makes the picture, by the output that needs most.

    Leaves the decoded picture at least twice as large as any size that is scaled from it, as
    libvips' thumbnails do: the decoder's own scaling is coarse.
    """
    if not decode.can_shrink(known):
        return 1
    times = min(_room(known, plan.wish) for plan in plans)
    return next((shrink for shrink in decode.SHRINKS if times >= shrink), 1)


def _room(known: Facts, wish: Wish) -> float:
    if wish.size is None:
        return 1
    times = times_larger(Size(known.width, known.height), wish.size)
    return times if wish.fast else times / MARGIN


def _outputs(
    decoder: decode.Decoder,
    plans: Sequence[Plan],
    others: Mapping[str, pyvips.Image],
    shrink: int,
    progress: Progress,
    watch: Watch,
) -> dict[str, Rendered]:
    watch.opened_ms = watch.now_ms()
    moving = any(plan.wish.moving for plan in plans)
    decoded = decoder.decoded(shrink=shrink, moving=moving)
    original = Original(decoded, [plan.wish for plan in plans], progress)
    watch.decoded_ms = watch.now_ms() - watch.opened_ms
    return {plan.name: _output(plan, decoded, original, others, progress, watch) for plan in plans}


def _output(
    plan: Plan,
    decoded: decode.Decoded,
    original: Original,
    others: Mapping[str, pyvips.Image],
    progress: Progress,
    watch: Watch,
) -> Rendered:
    watch.begin()
    picture = Picture(
        facts=decoded.facts,
        frames=original.frames(plan.wish) if plan.wish.size is None else (),
        progress=progress,
        delays_ms=decoded.delays_ms,
        loops=decoded.loops,
        pictures=others,
        original=original,
        wish=plan.wish,
    )
    try:
        made = _written(plan, picture, watch)
    except OutputImpossible as error:
        error.output = plan.name
        raise
    progress.finish_output()
    return made


def _written(plan: Plan, picture: Picture, watch: Watch) -> Rendered:
    *changes, last = plan.steps
    for step in changes:
        picture = _bounded(step.apply(_readable(step, picture)))
    watch.steps_ms = watch.now_ms() - watch.began_ms
    if last.kind is Kind.DATA:
        _write_data(last.describe(_readable(last, picture)), plan.target)
        return _rendered(plan, None, None, watch)
    if not picture.frames:
        picture = picture.resized(picture.width, picture.height)
    return _rendered(plan, last.encode(picture, plan.target), picture, watch)


def _readable(step: Step, picture: Picture) -> Picture:
    """Hold the pixels in memory for a step that reads them in another order, or twice."""
    return picture if step.streams or not picture.frames else picture.in_memory()


def _bounded(picture: Picture) -> Picture:
    if max(picture.width, picture.height) > MAX_OUTPUT_SIDE_PX:
        raise OutputImpossible(
            f"A step would make a picture of {picture.width} x {picture.height} px; no side may"
            f" be longer than {MAX_OUTPUT_SIDE_PX} px.",
            limit={"max_side_px": MAX_OUTPUT_SIDE_PX},
        )
    return picture


def _write_data(described: Mapping[str, object], target: int) -> None:
    data = json.dumps(described, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    with os.fdopen(os.dup(target), "wb") as file:
        file.write(data.encode())


def _rendered(
    plan: Plan, written: Format | None, picture: Picture | None, watch: Watch
) -> Rendered:
    return Rendered(
        format=written or "json",
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        frames=len(picture.frames) if picture and written in decode.MOVING else 1,
        size_bytes=os.lseek(plan.target, 0, os.SEEK_END),
        milliseconds=watch.now_ms() - watch.began_ms,
        began_ms=watch.began_ms,
        steps_ms=watch.steps_ms,
    )
