"""Words by which images are found: how text becomes terms of the index, and how a query does.

Every term begins with its owner's mark, so that nobody's search reads or waits for what others
keep. Tags and the owner's own metadata become terms too, a digest for each, for they are looked for
as a whole. A term has letters, digits and signs beyond ASCII alone: nothing in it can be syntax of
the index.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

EDITION: Final = 1
"""Grows whenever these rules change; images that were indexed by older ones are indexed anew."""
MOST_WORDS: Final = 1_000
"""Words of one image: a page of print has about 500."""
_LONGEST: Final = 40
_ALONE: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Signs of Japanese and Chinese, which stand without spaces: each is a word of its own."""
_WORD: Final = re.compile(f"[{_ALONE}]|[^\\W_{_ALONE}]+")


def words_of(text: str) -> list[str]:
    """Split text into words, without case and accents, each once, in order."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    found = (each.group()[:_LONGEST] for each in _WORD.finditer(bare))
    return list(dict.fromkeys(found))[:MOST_WORDS]


def word_terms(owner: str, words: Iterable[str]) -> list[str]:
    """Write words as terms of an owner."""
    mark = _mark(owner)
    return [f"{mark}w{each}" for each in words]


def tag_terms(owner: str, tags: Iterable[str]) -> list[str]:
    """Write tags as terms of an owner."""
    mark = _mark(owner)
    return [f"{mark}t{_digest(each)}" for each in tags]


def metadata_terms(owner: str, metadata: Iterable[tuple[str, str]]) -> list[str]:
    """Write pairs of metadata as terms of an owner."""
    mark = _mark(owner)
    return [f"{mark}m{_digest(f'{key}={value}')}" for key, value in metadata]


def indexed(
    owner: str, texts: Iterable[str], tags: Iterable[str], metadata: Mapping[str, str]
) -> str:
    """Write all terms of one image, as the index takes them."""
    tags = list(tags)
    words = words_of("\n".join([*texts, *tags, *metadata.values()]))
    terms = word_terms(owner, words) + tag_terms(owner, tags)
    return " ".join(terms + metadata_terms(owner, metadata.items()))


def _mark(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:12]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
