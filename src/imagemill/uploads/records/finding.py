"""Lists of an owner's images, and the index of words behind them.

Every statement on `image_words` is in this module, for it is the one table whose SQL SQLite and
PostgreSQL do not share (see decision 18).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from imagemill.database import Connection, Row
from imagemill.uploads import words
from imagemill.uploads.finding import Filters, Place, Sort, Wanted

_NUMBER = "UPDATE image_numbers SET last = last + 1 RETURNING last"
_FORGET = "DELETE FROM image_words WHERE rowid = :number"
_INDEX = "INSERT INTO image_words (rowid, words) VALUES (:number, :words)"
_TEXTS = "SELECT text FROM image_texts WHERE image_id = :id ORDER BY source"
_SET_TEXT = """
INSERT INTO image_texts (image_id, source, text) VALUES (:id, :source, :text)
ON CONFLICT (image_id, source) DO UPDATE SET text = excluded.text
"""
_FORGET_TEXTS = "DELETE FROM image_texts WHERE image_id = :id"
FEW: Final = 5_000
"""Up to so many images with the terms are looked at one by one. For more it is faster to walk the
list and to look images up among those (measured 2026-11, 100,000 images: 45 ms against 13)."""
_COUNT = """
SELECT COUNT(*) AS found FROM (
    SELECT 1 FROM image_words WHERE image_words MATCH :terms LIMIT :most
)
"""
_FROM_TERMS = """
WITH near AS MATERIALIZED (
    SELECT images.number, images.created_at, images.status, images.format, images.width,
        images.height, images.size_bytes, {name} AS sort_name
    FROM image_words CROSS JOIN images
    ON images.owner = :owner AND images.number = image_words.rowid
    WHERE image_words MATCH :terms AND images.going_at IS NULL
)
SELECT images.number, {key} AS place FROM near AS images WHERE TRUE
"""
"""Kept apart from all conditions, or one of them chooses an index in which each image is looked for
among a thousand (measured: 270 ms instead of 5)."""
_FROM_NEWEST = """
SELECT image_words.rowid AS number, image_words.rowid AS place FROM image_words CROSS JOIN images
ON images.owner = :owner AND images.number = image_words.rowid
WHERE image_words MATCH :terms AND images.going_at IS NULL
"""
"""In the order of the index itself, which is that of time: only what is shown is looked at."""
_FROM_LIST = """
SELECT images.number, {key} AS place FROM images
WHERE images.owner = :owner AND images.number IS NOT NULL AND images.going_at IS NULL
"""
_AMONG_TERMS = """
AND +images.number IN (SELECT rowid FROM image_words WHERE image_words MATCH :terms)
"""
"""Stands last, so that it is read for images only that all else is true of."""
_KEYS: Final[Mapping[Sort, str]] = {
    Sort.CREATED_AT: "images.number",
    Sort.SIZE_BYTES: "images.size_bytes",
    Sort.WIDTH: "images.width",
    Sort.NAME: "images.sort_name",
}
"""Numbers grow with time, and no two images have the same."""
_CONDITIONS: Final[Mapping[str, str]] = {
    "status": "images.status = :status",
    "format": "images.format = :format",
    "min_width": "{plus}images.width >= :min_width",
    "max_width": "{plus}images.width <= :max_width",
    "min_height": "{plus}images.height >= :min_height",
    "max_height": "{plus}images.height <= :max_height",
    "min_bytes": "{plus}images.size_bytes >= :min_bytes",
    "max_bytes": "{plus}images.size_bytes <= :max_bytes",
    "since": "{plus}images.created_at >= :since",
    "until": "{plus}images.created_at < :until",
}
"""With `plus`, a column is compared but not looked up: the index of the list's own order is the
only one that never sorts, nor reads more than it must."""


def next_number(connection: Connection) -> int:
    """Give a number that no image had before."""
    return int(connection.execute(_NUMBER)[0]["last"])


def found(connection: Connection, owner: str, wanted: Wanted, *, few: int = FEW) -> list[Place]:
    """Find a page of an owner's images, and one image more where the list goes on.

    `few` says up to how many images with the terms are looked at one by one; it changes how long
    the answer takes, and never what it is.
    """
    filters = wanted.filters
    values: dict[str, Any] = {"owner": owner, "limit": wanted.limit + 1, **_given(filters)}
    if filters.has_terms:
        values["terms"] = _terms(owner, filters)
    statement = _statement(connection, wanted, values, few)
    return [Place(row["place"], row["number"]) for row in connection.execute(statement, values)]


def index(
    connection: Connection, row: Row, tags: Iterable[str], metadata: Mapping[str, str]
) -> None:
    """Write anew by which words an image is found; `row` is its row."""
    texts = [text["text"] for text in connection.execute(_TEXTS, {"id": row["id"]})]
    terms = words.indexed(row["owner"], [row["name"] or "", *texts], tags, metadata)
    connection.execute(_FORGET, {"number": row["number"]})
    connection.execute(_INDEX, {"number": row["number"], "words": terms})


def set_text(connection: Connection, image_id: str, source: str, text: str) -> None:
    """Keep a text that belongs to an image, in the place of what the same source told before."""
    connection.execute(_SET_TEXT, {"id": image_id, "source": source, "text": text})


def forget(connection: Connection, row: Row) -> None:
    """Remove an image that is gone from the index."""
    connection.execute(_FORGET_TEXTS, {"id": row["id"]})
    if row["number"] is not None:
        connection.execute(_FORGET, {"number": row["number"]})


def _given(filters: Filters) -> dict[str, Any]:
    values = {name: getattr(filters, name) for name in _CONDITIONS}
    return {name: value for name, value in values.items() if value not in {None, ""}}


def _condition(name: str, sort: Sort) -> str:
    is_order = f" {_KEYS[sort]} " in _CONDITIONS[name].replace("{plus}", " ")
    return _CONDITIONS[name].format(plus="" if is_order else "+")


def _terms(owner: str, filters: Filters) -> str:
    """Ask the index for all terms together; each is quoted, and holds no quote."""
    terms = words.word_terms(owner, filters.words) + words.tag_terms(owner, filters.tags)
    terms += words.metadata_terms(owner, filters.metadata)
    return " AND ".join(f'"{each}"' for each in terms)


def _statement(connection: Connection, wanted: Wanted, values: dict[str, Any], few: int) -> str:
    """Choose the way that reads least, and put what it needs besides into `values`."""
    key = _KEYS[wanted.sort]
    conditions = [f"AND {_condition(name, wanted.sort)}" for name in _given(wanted.filters)]
    if "terms" not in values:
        return "\n".join([_FROM_LIST.format(key=key), *conditions, *_onward(wanted, key, values)])
    if wanted.sort is Sort.CREATED_AT and not conditions:
        return "\n".join([_FROM_NEWEST, *_onward(wanted, "image_words.rowid", values)])
    count = connection.execute(_COUNT, {"terms": values["terms"], "most": few + 1})[0]["found"]
    if count <= few:
        # Names are in no index but their own, so they are read only where they are the order.
        name = key if wanted.sort is Sort.NAME else "''"
        source = _FROM_TERMS.format(key=key, name=name)
        return "\n".join([source, *conditions, *_onward(wanted, key, values)])
    after, ending = _onward(wanted, key, values)
    return "\n".join([_FROM_LIST.format(key=key), *conditions, after, _AMONG_TERMS, ending])


def _onward(wanted: Wanted, key: str, values: dict[str, Any]) -> tuple[str, str]:
    """Write from where the list goes on, and its order."""
    sign, order = ("<", "DESC") if wanted.descending else (">", "ASC")
    is_by_number = wanted.sort is Sort.CREATED_AT
    ties = "" if is_by_number else f", images.number {order}"
    ending = f"ORDER BY {key} {order}{ties} LIMIT :limit"
    if wanted.after is None:
        return "", ending
    values["after_number"] = wanted.after.number
    if is_by_number:
        # With the plus it does not spread to the join, where it would choose a worse index.
        plus = "+" if key != _KEYS[wanted.sort] else ""
        return f"AND {plus}{key} {sign} :after_number", ending
    values["after"] = wanted.after.key
    return f"AND ({key}, images.number) {sign} (:after, :after_number)", ending
