"""What is known of a picture without its pixels: the answer of a probe."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Format(StrEnum):
    """Name a file format by its magic bytes, never by its file name."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    TIFF = "tiff"
    GIF = "gif"
    BMP = "bmp"
    ICO = "ico"
    JP2 = "jp2"
    HEIC = "heic"
    SVG = "svg"

    @property
    def media_type(self) -> str:
        """Give the registered media type, such as `image/jpeg`."""
        return _MEDIA_TYPES.get(self, f"image/{self.value}")


_MEDIA_TYPES = {
    Format.SVG: "image/svg+xml",
    Format.ICO: "image/vnd.microsoft.icon",
}


class Facts(BaseModel):
    """Describe a picture as it stands upright, that is, after its EXIF orientation was applied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format
    width: int = Field(ge=1)
    """Pixels across, upright."""
    height: int = Field(ge=1)
    """Pixels down, upright, of one frame."""
    frames: int = Field(1, ge=1)
    """Frames of an animation or pages of a document; 1 for a still picture."""
    orientation: int = Field(1, ge=1, le=8)
    """The EXIF orientation that the file carries; already counted in `width` and `height`."""
    has_alpha: bool = False
    progressive: bool = False
    """Interlaced or in several scans: needs the whole picture in memory to decode."""


class Limits(BaseModel):
    """Bound what a picture may ask of the machine; broken limits are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(50_000_000, ge=1, description="Bytes of one picture.")
    max_side_px: int = Field(
        10_000, ge=1, le=65_500, description="Pixels of the longer side of one picture."
    )
    max_pixels: int = Field(
        100_000_000, ge=1, description="Pixels of one picture: width x height x frames."
    )
    max_scans: int = Field(100, ge=1, description="Scans of one JPEG.")
    svg: bool = Field(
        False, description="Whether SVG is read at all; it is rasterised inside the sandbox only."
    )
