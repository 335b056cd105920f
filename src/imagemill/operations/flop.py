"""Mirror a picture left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from imagemill.operations import Example, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagemill.engine.picture import Picture


class Flop(Step):
    """Mirror the picture left to right, as a glass does; `flip` mirrors it top to bottom.

    Every pixel keeps its value, alpha included: flopping twice gives the picture back. The size
    stays as it is. In an animation every frame is mirrored by itself.
    """

    op: Literal["flop"] = "flop"

    examples: ClassVar[Sequence[Example]] = (Example("as in a mirror", {}),)

    @property
    def streams(self) -> bool:
        """Turn rows round one by one."""
        return True

    def apply(self, picture: Picture) -> Picture:
        """Mirror every frame."""
        return picture.mapped(lambda frame: frame.flip("horizontal"))
