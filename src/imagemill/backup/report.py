"""What a backup or a restore did, in figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from imagemill.backup.manifest import Manifest
from imagemill.storage import Bucket

Tell = Callable[[str], None]
"""Hears, in a sentence for people, what is done next."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing in a backup."""

    what: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    """How a backup went."""

    manifest: Manifest
    new: tuple[Part, ...]
    """What this run copied; the rest lay in the backup already."""
    gone: int = 0
    """Objects that were removed, or made anew, after the databases were copied."""
    lost: tuple[str, ...] = field(default=())
    """Ids of images whose original is missing or damaged: these alone make a backup fail."""


def parts(manifest: Manifest) -> list[Part]:
    """Count what a backup holds."""
    return [
        part("databases", (each.size_bytes for each in manifest.databases)),
        *(part(each, _sizes(manifest, each)) for each in Bucket),
        part("keys", (each.size_bytes for each in manifest.keys)),
    ]


def part(what: str, sizes: Iterable[int]) -> Part:
    """Count things of one kind."""
    listed = list(sizes)
    return Part(what, len(listed), sum(listed))


def _sizes(manifest: Manifest, bucket: Bucket) -> Iterable[int]:
    return (each.size_bytes for each in manifest.objects if each.bucket is bucket)
