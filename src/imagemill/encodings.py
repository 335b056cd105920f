"""What each file format can be told, what it is told by default, and how far it goes.

Defaults are chosen for work that somebody waits for; the figures were measured in November 2026 on
a photograph of 800 x 600 px with libvips 8.18:

- JPEG 80, no optimised tables: 2.1 ms. Trellis and optimised scans save a fifth of the bytes and
  cost ten times as much; that is what `optimize` is for.
- WebP 80, effort 2: 21 ms, 63.2 KB. Effort 4, the library's own default: 47 ms, 60.8 KB.
- AVIF 55, effort 2: 0.3 s, 71.7 KB. Effort 4: 2.5 s, 69.0 KB; effort 0: 0.05 s, 80.6 KB.
- PNG with all row filters: a third smaller for a third more time (1632 x 1224 px, 0.15 s).
- Palettes (GIF, PNG with `colours`), effort 3: 0.3 s. Effort 7, the library's own default: 2.5 s,
  for a tenth less and 2 dB more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imagemill.contracts.facts import Format


@dataclass(frozen=True, slots=True)
class Encoding:
    """One format that can be written."""

    format: Format
    saver: str
    """Name of libvips' operation that writes it."""
    max_side_px: int
    """The longest side that the format, or its library, can hold."""
    options: frozenset[str]
    """Parameters of `convert` that this format knows, besides those that all know."""
    quality: int | None = None
    """The quality unless another is asked for; None where quality is nothing that it has."""
    effort: int | None = None
    """The effort unless another is asked for."""
    efforts: tuple[int, int] = (0, 0)
    """The least and the greatest effort."""
    moves: bool = False
    """Whether it holds an animation."""
    transparent: bool = True
    """Whether it holds transparency."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """What its saver is always told."""


JPEG = Encoding(
    Format.JPEG,
    "jpegsave",
    65_500,
    frozenset({"quality", "progressive", "chroma", "max_bytes", "background"}),
    quality=80,
    transparent=False,
)
PNG = Encoding(
    Format.PNG,
    "pngsave",
    100_000,
    frozenset({"lossless", "progressive", "effort", "colours", "max_bytes"}),
    effort=6,
    efforts=(0, 9),
)
WEBP = Encoding(
    Format.WEBP,
    "webpsave",
    16_383,
    frozenset({"quality", "lossless", "effort", "max_bytes"}),
    quality=80,
    effort=2,
    efforts=(0, 6),
    moves=True,
)
AVIF = Encoding(
    Format.AVIF,
    "heifsave",
    16_384,
    frozenset({"quality", "lossless", "effort", "chroma", "max_bytes"}),
    quality=55,
    effort=2,
    efforts=(0, 9),
    fixed={"compression": "av1", "bitdepth": 8},
)
TIFF = Encoding(Format.TIFF, "tiffsave", 100_000, frozenset({"quality", "lossless"}))
GIF = Encoding(
    Format.GIF,
    "gifsave",
    65_535,
    frozenset({"effort", "colours", "max_bytes"}),
    effort=3,
    efforts=(1, 10),
    moves=True,
)

ENCODINGS: Mapping[Format, Encoding] = {
    each.format: each for each in (JPEG, PNG, WEBP, AVIF, TIFF, GIF)
}
"""Every format that can be written."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one file is written with; None is the default of its format."""

    quality: int | None = None
    lossless: bool = False
    progressive: bool = False
    effort: int | None = None
    chroma: str = "auto"
    colours: int | None = None


def saver_options(encoding: Encoding, settings: Settings) -> dict[str, object]:
    """Put settings into the words of the format's saver; those it does not know are left out."""
    return dict(encoding.fixed) | _OPTIONS[encoding.format](encoding, settings)


def _jpeg(encoding: Encoding, settings: Settings) -> dict[str, object]:
    return {
        "Q": settings.quality or encoding.quality,
        "interlace": settings.progressive,
        "subsample_mode": _SUBSAMPLE[settings.chroma],
    }


def _png(encoding: Encoding, settings: Settings) -> dict[str, object]:
    options: dict[str, object] = {
        "compression": _effort(encoding, settings),
        "interlace": settings.progressive,
    }
    if not settings.colours:
        return options | {"filter": "all"}
    bits = _bits(settings.colours, _PNG_BITS)
    return options | {"palette": True, "bitdepth": bits, "effort": _PALETTE_EFFORT}


def _webp(encoding: Encoding, settings: Settings) -> dict[str, object]:
    return {
        "Q": settings.quality or encoding.quality,
        "lossless": settings.lossless,
        "effort": _effort(encoding, settings),
    }


def _avif(encoding: Encoding, settings: Settings) -> dict[str, object]:
    return {
        "Q": settings.quality or encoding.quality,
        "lossless": settings.lossless,
        "effort": _effort(encoding, settings),
        "subsample_mode": _SUBSAMPLE[settings.chroma],
    }


def _tiff(_: Encoding, settings: Settings) -> dict[str, object]:
    if settings.quality and not settings.lossless:
        return {"compression": "jpeg", "Q": settings.quality}
    return {"compression": "deflate", "predictor": "horizontal"}


def _gif(encoding: Encoding, settings: Settings) -> dict[str, object]:
    return {
        "effort": _effort(encoding, settings),
        "bitdepth": _bits(settings.colours or 256, _GIF_BITS),
    }


def _effort(encoding: Encoding, settings: Settings) -> int | None:
    if settings.effort is None:
        return encoding.effort
    least, most = encoding.efforts
    return max(least, min(settings.effort, most))


def _bits(colours: int, depths: Sequence[int]) -> int:
    """Give the deepest palette that holds no more colours than that."""
    return max(bits for bits in depths if 2**bits <= colours)


_PALETTE_EFFORT = 3
_PNG_BITS = (1, 2, 4, 8)
_GIF_BITS = (1, 2, 3, 4, 5, 6, 7, 8)
_SUBSAMPLE = {"auto": "auto", "420": "on", "444": "off"}
_OPTIONS = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.TIFF: _tiff,
    Format.GIF: _gif,
}
