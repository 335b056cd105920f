"""Make files of a picture as one line of JSON on standard input orders, and answer `done`."""

from __future__ import annotations

import json
import sys
from typing import Any

import pyvips

_ANY_PX = 10_000_000


def main() -> None:
    """Serve orders until standard input ends."""
    pyvips.cache_set_max(0)
    for line in sys.stdin:
        _serve(json.loads(line))
        sys.stdout.write("done\n")
        sys.stdout.flush()


def _serve(order: dict[str, Any]) -> None:
    wanted = order["wanted"]
    largest = max(wanted, key=lambda each: each["width"])
    decoded = pyvips.Image.thumbnail(order["source"], largest["width"], **_box(largest))
    if len(wanted) == 1:
        _write(decoded, largest)
        return
    decoded = decoded.copy_memory()
    for each in wanted:
        _write(decoded.thumbnail_image(each["width"], **_box(each)), each)


def _box(wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["height"] is None:
        return {"height": _ANY_PX, "size": "down"}
    return {"height": wanted["height"], "crop": "centre"}


def _write(picture: pyvips.Image, wanted: dict[str, Any]) -> None:
    picture.write_to_file(wanted["target"], Q=wanted["quality"], keep="none")


main()
