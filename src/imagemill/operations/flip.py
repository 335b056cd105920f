"""Mirror a picture top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from imagemill.operations import Example, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagemill.engine.picture import Picture


class Flip(Step):
    """Mirror the picture top to bottom, as water does; `flop` mirrors it left to right.

    Every pixel keeps its value, alpha included: flipping twice gives the picture back. The size
    stays as it is. In an animation every frame is mirrored by itself.
    """

    op: Literal["flip"] = "flip"

    examples: ClassVar[Sequence[Example]] = (Example("upside down", {}),)

    def apply(self, picture: Picture) -> Picture:
        """Mirror every frame."""
        return picture.mapped(lambda frame: frame.flip("vertical"))
