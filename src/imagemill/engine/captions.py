"""What a picture's file says in words: captions, keywords, who made it, and with which camera.

It is what people look for, so the place where it was taken is left out: neither GPS nor the names
of towns are told. Like all of `inscriptions`, it never fails the work on the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyvips

from imagemill.engine.inscriptions import inscriptions

MAX_TEXT: Final = 8_000
"""Characters of all together; longer captions are cut there."""
_BLOCKS: Final = ("exif-data", "iptc-data", "xmp-data")
_FIELDS: Final = (
    ("exif", ("ImageDescription", "Artist", "Copyright", "Make", "Model", "LensModel")),
    ("exif", ("Software", "UserComment", "XPTitle", "XPKeywords")),
    ("iptc", ("ObjectName", "Headline", "Caption-Abstract", "Keywords", "Category")),
    ("iptc", ("SupplementalCategories", "By-line", "Credit", "Source", "CopyrightNotice")),
    ("xmp", ("title", "description", "subject", "creator", "rights", "Headline", "Label")),
)


def captions(image: pyvips.Image) -> str:
    """Gather the texts, one a line; empty where the file says nothing."""
    if not any(image.get_typeof(block) for block in _BLOCKS):
        return ""
    told = inscriptions(image, gps=False)
    return "\n".join(dict.fromkeys(_lines(told)))[:MAX_TEXT]


def _lines(told: dict[str, Any]) -> Iterator[str]:
    for part, names in _FIELDS:
        fields = told[part] or {}
        for name in names:
            yield from map(_mended, _texts(fields.get(name)))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _mended(text: str) -> str:
    """Read UTF-8 that was read as Latin-1: cameras write it, though EXIF has ASCII there."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
