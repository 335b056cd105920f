"""Tell the versions of the decoders as JSON: `python -m imagemill.cli.decoders`.

A program of its own, because the command line loads no decoder.
"""

from __future__ import annotations

import importlib
import json
import sys

import PIL
import pyvips

from imagemill.engine.by_pillow import SAFE_LIBHEIF

SAFE = {
    "libvips": (8, 18, 7),  # CVE-2026-69242, and the limits of its loader for HEIF.
    "Pillow": (12, 3, 0),
    "libheif": SAFE_LIBHEIF,
}
"""The oldest version of each that is safe with hostile pictures."""


def main() -> None:
    """Write each decoder's version and whether it is one that is safe."""
    found = {
        "libvips": ".".join(str(pyvips.version(part)) for part in range(3)),
        "Pillow": PIL.__version__,
        "libheif": _libheif(),
    }
    described = [
        {"name": name, "version": version, "oldest": _dotted(SAFE[name]), "is_safe": safe}
        for name, version in found.items()
        if version
        for safe in (_numbers(version) >= SAFE[name],)
    ]
    json.dump(described, sys.stdout)


def _libheif() -> str:
    try:
        return str(importlib.import_module("pillow_heif").libheif_version())
    except ImportError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    main()
