"""Write a picture as a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from imagemill import bands, colour
from imagemill.contracts.facts import Format
from imagemill.encodings import (
    AVIF,
    ENCODINGS,
    GIF,
    JPEG,
    PNG,
    WEBP,
    Encoding,
    Settings,
    saver_options,
)
from imagemill.errors import OutputImpossible
from imagemill.operations import Example, Frame, Kind, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

MIN_QUALITY = 5
"""The lowest quality that is tried for `max_bytes`; below it pictures are only blocks."""
AVIF_SCALE = 0.7
"""What a JPEG quality is multiplied by to look about the same as AVIF."""


class Written(StrEnum):
    """Name the format of the file to write."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    TIFF = "tiff"
    GIF = "gif"
    AUTO = "auto"
    """Whichever of the sensible ones comes out smallest."""


class Kept(StrEnum):
    """Name what may be kept of what was embedded in the original."""

    EXIF = "exif"
    XMP = "xmp"
    IPTC = "iptc"
    ICC = "icc"


class Convert(Step):
    """Write the picture as a file; ends a pipeline. Left out, it is added with its defaults.

    Without a `format`, the file is what the original is, where that can be written; else PNG when
    there is transparency, and JPEG when not. With `auto`, the sensible formats are all made, and
    the smallest file is kept: WebP and GIF for animations, PNG, WebP and AVIF for transparency or
    `lossless`, JPEG, WebP and AVIF otherwise. That costs the time of all of them. Its `quality` is
    that of JPEG; the others are made to look about the same.

    An option that the given format does not know is refused by name. Without a format, or with
    `auto`, an option counts for those formats that know it.

    Metadata is dropped unless it is named in `keep`; positions (GPS, makers' notes) also then,
    unless `gps` is on. Pixels are sRGB, or those of the embedded profile with `keep_profile`.
    Animations stay animations in GIF and WebP; other formats get the first frame.

    With `max_bytes`, the quality (for PNG and GIF the number of colours) is lowered from what is
    asked for as little as the limit needs; `output_impossible` says that even the least is too
    large. Equal input gives equal bytes.
    """

    op: Literal["convert"] = "convert"
    kind: ClassVar[Kind] = Kind.ENCODING
    format: Written | None = Field(
        None,
        description="`jpeg`, `png`, `webp`, `avif`, `tiff`, `gif`, or `auto` for the smallest;"
        " left out, that of the original.",
    )
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="1 (smallest) to 100 (finest), in the format's own scale. Unless given: JPEG"
        " 80, WebP 80, AVIF 55; TIFF is lossless without it, and compressed as JPEG with it.",
    )
    lossless: bool = Field(
        default=False, description="Whether every pixel keeps its value: WebP, AVIF, PNG, TIFF."
    )
    progressive: bool = Field(
        default=False,
        description="Whether it shows early and gets finer while it loads: JPEG, PNG.",
    )
    effort: int | None = Field(
        None,
        ge=0,
        le=10,
        description="How hard to try for few bytes: WebP 0 to 6 (unless given 2), AVIF 0 to 9 (2),"
        " PNG 0 to 9 (6), GIF 1 to 10 (3).",
    )
    chroma: Literal["auto", "420", "444"] = Field(
        "auto",
        description="How finely colour is stored beside brightness, for JPEG and AVIF: `420` (a"
        " quarter), `444` (all), or `auto` (`444` from quality 90 on).",
    )
    colours: int | None = Field(
        None,
        ge=2,
        le=256,
        description="The most colours that there may be, 2 to 256: PNG takes palettes of 2, 4, 16"
        " or 256, GIF all powers of two.",
    )
    max_bytes: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="The most bytes that the file may have, up to 1000000000; not for TIFF or"
        " `lossless`.",
    )
    background: colour.ColourText = Field(
        colour.WHITE, description="Colour behind transparency where the format has none (JPEG)."
    )
    keep: tuple[Kept, ...] = Field(
        (), description="What stays of the metadata: `exif`, `xmp`, `iptc`, `icc`, or `all`."
    )
    gps: bool = Field(
        default=False, description="Whether positions stay in the EXIF and XMP that is kept."
    )
    keep_profile: bool = Field(
        default=False,
        description="Whether the pixels stay in the colours of the embedded profile, which is then"
        " kept too. CMYK becomes sRGB all the same.",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("WebP", {"format": "webp", "quality": 75}),
        Example("JPEG that shows early", {"format": "jpeg", "quality": 85, "progressive": True}),
        Example("at most so many bytes", {"format": "jpeg", "max_bytes": 20000}),
        Example("the smallest of what makes sense", {"format": "auto"}),
        Example("PNG with 16 colours", {"format": "png", "colours": 16}),
        Example("with the camera's data, but not the place", {"format": "jpeg", "keep": ["exif"]}),
    )

    @field_validator("format", mode="before")
    @classmethod
    def _read_short_names(cls, given: object) -> object:
        return _SHORT.get(given, given) if isinstance(given, str) else given

    @field_validator("keep", mode="before")
    @classmethod
    def _read_all(cls, given: object) -> object:
        words = given.split(",") if isinstance(given, str) else given
        if not isinstance(words, (list, tuple)):
            return given
        every = [each.value for each in Kept] if "all" in words else list(words)
        return tuple(sorted({str(word).strip() for word in every}))

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller sent.
        """Fill in the format's defaults, so that equal work looks equal."""
        if not isinstance(given, Mapping) or not isinstance(given.get("format"), str):
            return given
        name = _SHORT.get(given["format"], given["format"])
        encoding = next((each for each in ENCODINGS.values() if each.format.value == name), None)
        if encoding is None:
            return given
        defaults = {"quality": encoding.quality, "effort": encoding.effort}
        if given.get("lossless") in {True, "true", "1"}:
            defaults.pop("quality")
        known = {key: value for key, value in defaults.items() if value is not None}
        return known | {key: value for key, value in given.items() if value is not None}

    @model_validator(mode="after")
    def _refuse_unknown(self) -> Self:
        encoding = self._encoding_asked()
        if encoding is None:
            return self
        unknown = sorted(self._options_given() - encoding.options)
        if unknown:
            raise ValueError(f"{encoding.format.value} does not know {', '.join(unknown)}")
        least, most = encoding.efforts
        if self.effort is not None and not least <= self.effort <= most:
            raise ValueError(f"effort of {encoding.format.value} is {least} to {most}")
        if self.max_bytes and self.lossless:
            raise ValueError("max_bytes lowers the quality; leave out lossless")
        return self

    @property
    def in_profile(self) -> bool:
        """Whether the embedded profile's colours stay."""
        return self.keep_profile

    @property
    def streams(self) -> bool:
        """Write from top to bottom; what is tried several times is held in memory here."""
        return True

    def moves(self, before: Frame) -> bool:
        """Keep an animation where the format holds one."""
        return before.frames > 1 and self._candidates(before)[0].moves

    def frame(self, before: Frame) -> Frame:
        """Predict what the file will hold; raises `OutputImpossible` when it cannot hold it."""
        encoding = self._candidates(before)[0]
        self._check_side(encoding, before.width, before.height)
        frames = before.frames if self.moves(before) else 1
        return replace(before, frames=frames, has_alpha=before.has_alpha and encoding.transparent)

    def encode(self, picture: Picture, target: int) -> Format:
        """Write the file; what is tried and dropped stays in memory."""
        before = Frame(
            picture.width,
            picture.height,
            picture.facts.format,
            picture.has_alpha,
            len(picture.frames),
        )
        candidates = self._candidates(before)
        if len(candidates) == 1 and not self.max_bytes:
            self._write(picture, candidates[0], target)
            return candidates[0].format
        return self._write_smallest(picture.in_memory(), candidates, target)

    def _write(self, picture: Picture, encoding: Encoding, target: int) -> None:
        self._check_side(encoding, picture.width, picture.height)
        ready = self._ready(picture, encoding)
        options = saver_options(encoding, self._settings(encoding))
        ready.write(target, encoding.saver, self._kept(), gps=self.gps, **options)

    def _write_smallest(
        self, picture: Picture, candidates: Sequence[Encoding], target: int
    ) -> Format:
        made = [
            (encoding, data)
            for encoding in candidates
            if (data := self._fitting(picture, encoding)) is not None
        ]
        if not made:
            raise OutputImpossible(
                f"No file of at most {self.max_bytes} bytes can be made of this picture at"
                f" {picture.width} x {picture.height} px. Allow more bytes or a smaller size.",
                limit={"max_bytes": self.max_bytes},
            )
        encoding, data = min(made, key=lambda each: len(each[1]))
        with os.fdopen(os.dup(target), "wb") as file:
            file.write(data)
        return encoding.format

    def _fitting(self, picture: Picture, encoding: Encoding) -> bytes | None:
        """Make the finest file of the format within `max_bytes`; None where there is none."""
        if max(picture.width, picture.height) > encoding.max_side_px:
            return None
        ready = self._ready(picture, encoding)

        def made(settings: Settings) -> bytes:
            options = saver_options(encoding, settings)
            return ready.encoded(encoding.saver, self._kept(), gps=self.gps, **options)

        finest = self._settings(encoding)
        data = made(finest)
        if self.max_bytes is None or len(data) <= self.max_bytes:
            return data
        return _largest_within(self.max_bytes, list(_coarser(encoding, finest)), made)

    def _ready(self, picture: Picture, encoding: Encoding) -> Picture:
        """Lay the picture on the background, and keep one frame, where the format needs it."""
        still = picture if encoding.moves else picture.still()
        if encoding.transparent or not still.has_alpha:
            return still
        ink = colour.parse(self.background)
        return still.mapped(lambda frame: _flat(frame, ink))

    def _settings(self, encoding: Encoding) -> Settings:
        quality = self.quality
        if self.format is Written.AUTO and quality and encoding is AVIF:
            quality = max(1, round(quality * AVIF_SCALE))
        return Settings(
            quality=quality,
            lossless=self.lossless,
            progressive=self.progressive,
            effort=self.effort,
            chroma=self.chroma,
            colours=self.colours,
        )

    def _kept(self) -> tuple[str, ...]:
        words = {each.value for each in self.keep} | ({"icc"} if self.keep_profile else set())
        return tuple(sorted(words))

    def _candidates(self, before: Frame) -> tuple[Encoding, ...]:
        """Tell the formats to make; more than one only for `auto`."""
        if self.format is Written.AUTO:
            if before.frames > 1:
                return (WEBP, GIF)
            return (PNG, WEBP, AVIF) if before.has_alpha or self.lossless else (JPEG, WEBP, AVIF)
        asked = self._encoding_asked() or ENCODINGS.get(before.format)
        return (asked or (PNG if before.has_alpha else JPEG),)

    def _encoding_asked(self) -> Encoding | None:
        if self.format is None or self.format is Written.AUTO:
            return None
        return ENCODINGS[Format(self.format.value)]

    def _options_given(self) -> set[str]:
        defaults = type(self).model_fields
        return {name for name in _OPTIONS if getattr(self, name) != defaults[name].default}

    def _check_side(self, encoding: Encoding, width: int, height: int) -> None:
        side = max(width, height)
        if side > encoding.max_side_px:
            raise OutputImpossible(
                f"{encoding.format.value} holds at most {encoding.max_side_px} px a side; this"
                f" would be {width} x {height} px.",
                limit={"max_side_px": encoding.max_side_px, "side_px": side},
            )


_SHORT = {"jpg": "jpeg", "tif": "tiff"}
_OPTIONS = (
    "quality", "lossless", "progressive", "effort", "chroma", "colours", "max_bytes", "background",
)  # fmt: skip
_PALETTES = (256, 128, 64, 32, 16, 8, 4, 2)


def _coarser(encoding: Encoding, finest: Settings) -> Iterator[Settings]:
    """Give the settings below the finest, each with fewer bytes than the one before."""
    if encoding.quality is None or finest.lossless:
        most = finest.colours or 257
        yield from (replace(finest, colours=count) for count in _PALETTES if count < most)
        return
    start = (finest.quality or encoding.quality) - 1
    yield from (replace(finest, quality=level) for level in range(start, MIN_QUALITY - 1, -1))


def _largest_within(
    max_bytes: int, ladder: Sequence[Settings], made: Callable[[Settings], bytes]
) -> bytes | None:
    """Search the ladder, which falls from rung to rung, for the first that is small enough."""
    found, low, high = None, 0, len(ladder)
    while low < high:
        middle = (low + high) // 2
        data = made(ladder[middle])
        if len(data) <= max_bytes:
            found, high = data, middle
        else:
            low = middle + 1
    return found


def _flat(frame: pyvips.Image, ink: colour.Colour) -> pyvips.Image:
    ready = bands.accepting(frame, replace(ink, alpha=colour.OPAQUE))
    levels = bands.levels(ready, ink)[: ready.bands - 1]
    return ready.flatten(background=levels)
