"""Tell what is known of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from imagemill import bands, fingerprints
from imagemill.fingerprints import Grid
from imagemill.geometry import Fit, Size, fitted
from imagemill.operations import Example, Frame, Kind, Scaling, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagemill.engine.picture import Picture

COLOURS_PX, WAVES_PX, HASH_PX = 64, 32, 32
"""Longest sides of what colours, the two blurred hashes, and the perceptual hash are made from."""


class Metadata(Step):
    """Tell what is known of the picture, as a JSON document; ends a pipeline.

    - `format`, `width`, `height` (upright), `frames`, `orientation`, `has_alpha`, `progressive`,
      and for animations `delays_ms` and `loops`: of the original;
    - `exif`, `iptc`, `xmp`: what the file says of itself, by the standards' names, bounded and
      without control characters; `gps` only when it is asked for;
    - `icc`: name and size of the embedded colour profile;
    - `colours`: the dominant colours of the picture with their share, the most frequent first;
    - `blurhash`, `thumbhash`: the picture as some dozens of signs, to be shown while it loads;
    - `perceptual_hash`: 64 bits; pictures that look alike differ in few of them.

    Standing first, it looks at the original; after other steps, colours and hashes are those of
    what the steps made. What cannot be read is null; it never fails because of it.
    """

    op: Literal["metadata"] = "metadata"
    kind: ClassVar[Kind] = Kind.DATA
    gps: bool = Field(
        default=False, description="Whether the place where it was taken is told, if the file does."
    )
    colours: int = Field(
        6, ge=0, le=16, description="How many dominant colours to look for, 0 to 16."
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("everything but the place", {}),
        Example(
            "with the place, and the two colours that matter most", {"gps": True, "colours": 2}
        ),
    )

    def scaled(self, before: Frame) -> Scaling:
        """Tell the size that the fingerprints are made from."""
        size = _within(Size(before.width, before.height), COLOURS_PX)
        return Scaling(size.width, size.height)

    def describe(self, picture: Picture) -> dict[str, Any]:
        """Read the header's words, and look at a small copy."""
        facts = picture.facts.model_dump(mode="json")
        moving = {"delays_ms": list(picture.delays_ms), "loops": picture.loops}
        return (
            facts
            | (moving if picture.delays_ms else {})
            | picture.inscriptions(gps=self.gps)
            | self._fingerprints(picture)
        )

    def _fingerprints(self, picture: Picture) -> dict[str, Any]:
        size = _within(Size(picture.width, picture.height), COLOURS_PX)
        small = picture.still().resized(size.width, size.height).in_memory()
        waves = _grid(small, _within(size, WAVES_PX))
        return {
            "colours": [
                {"colour": name, "share": round(share, 3)}
                for name, share in fingerprints.dominant(_grid(small, size), self.colours)
            ],
            "blurhash": fingerprints.blurhash(waves),
            "thumbhash": fingerprints.thumbhash(waves),
            "perceptual_hash": fingerprints.perceptual_hash(_grid(small, Size(HASH_PX, HASH_PX))),
        }


def _grid(picture: Picture, size: Size) -> Grid:
    frame = picture.resized(size.width, size.height).frames[0]
    data = bytes(bands.with_alpha(bands.in_colour(frame)).write_to_memory())
    return Grid.of_bytes(size.width, size.height, data)


def _within(size: Size, longest: int) -> Size:
    return fitted(size, longest, longest, Fit.INSIDE, enlarge=False).scaled
