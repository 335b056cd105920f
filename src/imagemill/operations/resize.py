"""Bring a picture to another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imagemill import bands, colour
from imagemill.geometry import Fit, Fitted, Focus, Gravity, Size, fitted, placed, rounded
from imagemill.operations import Example, Frame, Scaling, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

MAX_SIDE_PX = 10_000


class Resize(Step):
    """Scale the picture to a width, a height, or a box of both.

    With one side given, the other follows the picture's shape. With both, `fit` says what happens
    when the box has another shape:

    - `cover` (the default): fill the box and cut off what hangs over; `gravity`, or the focal
      point, says which part stays;
    - `contain`: show all of the picture, with `background` round it to fill the box;
    - `fill`: stretch to exactly the box;
    - `inside`: as large as fits into the box, nothing cut, nothing added;
    - `outside`: as small as covers the box, nothing cut.

    Nothing is enlarged unless `enlarge` is on: a picture that is too small keeps its pixels. Then
    `cover` gives the largest box of the asked shape that the picture can fill, `contain` puts the
    picture unenlarged into the box, and the others stop at the picture's own size.

    Scaled in sRGB as it is coded, with a Lanczos kernel of three lobes, alpha multiplied in; to
    larger sizes with a bicubic kernel. Standing first in a pipeline, it lets the decoder make a
    smaller picture for less work. Quarters of a pixel are rounded to the nearest whole one.
    """

    op: Literal["resize"] = "resize"
    width: int | None = Field(
        None, ge=1, le=MAX_SIDE_PX, description="Pixels across, 1 to 10000, before `dpr`."
    )
    height: int | None = Field(
        None, ge=1, le=MAX_SIDE_PX, description="Pixels down, 1 to 10000, before `dpr`."
    )
    dpr: float = Field(
        1,
        ge=0.1,
        le=8,
        description="Pixels of the screen for each pixel of the page, 0.1 to 8; multiplies both"
        " sides.",
    )
    fit: Fit = Field(
        Fit.COVER,
        description="What happens when the box has another shape: `cover`, `contain`, `fill`,"
        " `inside` or `outside`.",
    )
    gravity: Gravity = Field(
        Gravity.CENTER,
        description="Which part stays with `cover`, and where the picture lies with `contain`: a"
        " point of the compass; with `cover` also `attention` (what draws the eye) or `entropy`"
        " (where most detail is).",
    )
    focus_x: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Focal point across, 0 (left) to 1 (right), for `cover`; with `focus_y`, it"
        " comes to stand in the middle as far as the picture allows, and goes before `gravity`.",
    )
    focus_y: float | None = Field(
        None, ge=0, le=1, description="Focal point down, 0 (top) to 1 (bottom), for `cover`."
    )
    background: colour.ColourText = Field(
        colour.TRANSPARENT,
        description="Colour of the room that `contain` adds, as CSS writes it; where the file that"
        " follows has no transparency, see `background` of `convert`.",
    )
    enlarge: bool = Field(default=False, description="Whether small pictures are made larger.")
    fast: bool = Field(
        default=False,
        description="Whether a JPEG or WebP is decoded as small as can be. Up to half of the time"
        " is saved, for up to 1 dB less likeness in a JPEG; counts as the first step.",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("fill a box, cut what hangs over", {"width": 40, "height": 30}),
        Example("a width; the height follows", {"width": 24}),
        Example("all of it, on white", {"width": 40, "height": 40, "fit": "contain",
                                        "background": "white"}),
        Example("what draws the eye, for a fine screen", {"width": 12, "height": 12, "dpr": 2,
                                                          "gravity": "attention"}),
        Example("round a point", {"width": 20, "height": 40, "focus_x": 0.8, "focus_y": 0.3}),
        Example("at least this size, larger if need be",
                {"width": 90, "height": 90, "fit": "outside", "enlarge": True}),
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _read_ratio_words(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller sent.
        """Take `maintain_aspect_ratio`: true is the fit `inside`, false is `fill`."""
        if not isinstance(given, Mapping) or "maintain_aspect_ratio" not in given:
            return given
        rest = {key: value for key, value in given.items() if key != "maintain_aspect_ratio"}
        kept = _TRUTH.get(str(given["maintain_aspect_ratio"]).lower())
        if kept is None:
            raise ValueError("maintain_aspect_ratio is true or false")
        if "fit" in rest:
            raise ValueError("give either fit or maintain_aspect_ratio")
        return rest | {"fit": Fit.INSIDE if kept else Fit.FILL}

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        seen = self.gravity.compass is None
        for wrong, sentence in (
            (self.width is None and self.height is None, "give width, height or both"),
            ((self.focus_x is None) != (self.focus_y is None), "focus_x and focus_y go together"),
            (seen and self.fit is Fit.CONTAIN, "contain cuts nothing: gravity is a compass point"),
        ):
            if wrong:
                raise ValueError(sentence)
        return self

    def frame(self, before: Frame) -> Frame:
        """Predict the size, and whether the room round the picture brings transparency."""
        fit = self._fitted(Size(before.width, before.height))
        clear = fit.scaled != fit.framed and self._adds_room() and not self._ink().solid
        return replace(
            before,
            width=fit.framed.width,
            height=fit.framed.height,
            has_alpha=before.has_alpha or clear,
        )

    def scaled(self, before: Frame) -> Scaling:
        """Tell the size before it is cut or padded."""
        size = self._fitted(Size(before.width, before.height)).scaled
        return Scaling(size.width, size.height, self.fast)

    @property
    def streams(self) -> bool:
        """Read every pixel once; where the cut depends on the pixels, hold the scaled ones."""
        return True

    def apply(self, picture: Picture) -> Picture:
        """Scale every frame, then cut or pad all of them alike."""
        fit = self._fitted(Size(picture.width, picture.height))
        scaled = picture.resized(fit.scaled.width, fit.scaled.height)
        if fit.scaled == fit.framed:
            return scaled
        return self._padded(scaled, fit) if self._adds_room() else self._cut(scaled, fit)

    def _fitted(self, size: Size) -> Fitted:
        return fitted(
            size, self._px(self.width), self._px(self.height), self.fit, enlarge=self.enlarge
        )

    def _px(self, side: int | None) -> int | None:
        return None if side is None else max(1, rounded(side * self.dpr))

    def _adds_room(self) -> bool:
        return self.fit is Fit.CONTAIN

    def _cut(self, picture: Picture, fit: Fitted) -> Picture:
        if self.focus_x is not None and self.focus_y is not None:
            box = placed(fit.framed, fit.scaled, Focus(self.focus_x, self.focus_y))
        elif compass := self.gravity.compass:
            box = placed(fit.framed, fit.scaled, compass)
        else:
            return self._cut_by_sight(picture.in_memory(), fit.framed)
        return picture.mapped(
            lambda frame: frame.extract_area(box.left, box.top, box.width, box.height)
        )

    def _cut_by_sight(self, picture: Picture, size: Size) -> Picture:
        """Look at the first frame, and cut all of them alike, so that nothing jumps."""
        seen = picture.frames[0].smartcrop(size.width, size.height, interesting=self.gravity.value)
        left, top = -seen.xoffset, -seen.yoffset
        return picture.mapped(lambda frame: frame.extract_area(left, top, size.width, size.height))

    def _padded(self, picture: Picture, fit: Fitted) -> Picture:
        where = self.gravity.compass
        assert where is not None
        box = placed(fit.scaled, fit.framed, where)

        def padded(frame: pyvips.Image) -> pyvips.Image:
            ready = bands.accepting(frame, self._ink())
            return ready.embed(
                box.left,
                box.top,
                fit.framed.width,
                fit.framed.height,
                extend="background",
                background=bands.levels(ready, self._ink()),
            )

        return picture.mapped(padded)

    def _ink(self) -> colour.Colour:
        return colour.parse(self.background)


_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
