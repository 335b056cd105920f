"""How a file is called when a browser saves it (RFC 6266), whatever its owner called it."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 150
"""Characters of a name; with an ending it fits every file system, in UTF-8 nearly always."""
_NEVER: Final = frozenset('/\\:*?"<>|')
"""What some file system takes for more than a sign of a name."""


def disposition(name: str, *, inline: bool) -> str:
    """Write `Content-Disposition` with the name in both of its forms.

    The first form has letters and digits of ASCII alone, the second is percent-encoded UTF-8: so
    nothing in a name can end the header or the parameter.
    """
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{_plain(name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def saved_name(called: str | None, otherwise: str, ending: str) -> str:
    """Give the name to save a file under: what its owner calls it, or `otherwise`.

    It ends in the file's true ending, so that `photo.html` which is a JPEG is saved as
    `photo.html.jpeg`. Signs that are not shown go: control characters, and those that turn the
    order of others round (`gpj.exe` would read `exe.jpg`).
    """
    stem = _shown(called or "")[-_LONGEST:].strip(" .") or otherwise
    endings = {ending, *_ALSO.get(ending, ())}
    return stem if stem.rpartition(".")[2].lower() in endings else f"{stem}.{ending}"


_ALSO: Final = {"jpeg": ("jpg", "jpe", "jfif"), "tiff": ("tif",), "heic": ("heif",)}


def _shown(name: str) -> str:
    kept = (each for each in name if unicodedata.category(each)[0] != "C" and each not in _NEVER)
    return "".join(kept)


def _plain(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not (stem and ending.isascii() and ending.isalnum()):
        stem, dot, ending = name, "", ""
    plain = "".join(each if each.isascii() and each.isalnum() else "-" for each in stem)
    return f"{plain}{dot}{ending}"
