"""Lists of an owner's images; what the index of words behind them is asked is in `dialects.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from imagemill.database import Connection, Row
from imagemill.uploads import words
from imagemill.uploads.finding import Filters, Place, Sort, Wanted
from imagemill.uploads.records.dialects import Dialect, dialect_of

_NUMBER = "UPDATE image_numbers SET last = last + 1 RETURNING last"
_TEXTS = "SELECT text FROM image_texts WHERE image_id = :id ORDER BY source"
_SET_TEXT = """
INSERT INTO image_texts (image_id, source, text) VALUES (:id, :source, :text)
ON CONFLICT (image_id, source) DO UPDATE SET text = excluded.text
"""
_FORGET_TEXTS = "DELETE FROM image_texts WHERE image_id = :id"
FEW: Final = 5_000
"""Up to so many images with the terms are looked at one by one. For more it is faster to walk the
list and to look images up among those (measured 2026-11, SQLite, 100,000 images: 45 ms or 13)."""
_FROM_LIST = """
SELECT images.number, {key} AS place FROM images
WHERE images.owner = :owner AND images.number IS NOT NULL AND images.going_at IS NULL
"""
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
        values["terms"] = dialect_of(connection).terms(_terms(owner, filters))
    statement = _statement(connection, wanted, values, few)
    return [Place(row["place"], row["number"]) for row in connection.execute(statement, values)]


def index(
    connection: Connection, row: Row, tags: Iterable[str], metadata: Mapping[str, str]
) -> None:
    """Write anew by which words an image is found; `row` is its row."""
    texts = [text["text"] for text in connection.execute(_TEXTS, {"id": row["id"]})]
    terms = words.indexed(row["owner"], [row["name"] or "", *texts], tags, metadata)
    dialect = dialect_of(connection)
    connection.execute(dialect.forget, {"number": row["number"]})
    connection.execute(dialect.index, {"number": row["number"], "words": terms})


def set_text(connection: Connection, image_id: str, source: str, text: str) -> None:
    """Keep a text that belongs to an image, in the place of what the same source told before."""
    connection.execute(_SET_TEXT, {"id": image_id, "source": source, "text": text})


def forget(connection: Connection, row: Row) -> None:
    """Remove an image that is gone from the index."""
    connection.execute(_FORGET_TEXTS, {"id": row["id"]})
    if row["number"] is not None:
        connection.execute(dialect_of(connection).forget, {"number": row["number"]})


def _given(filters: Filters) -> dict[str, Any]:
    values = {name: getattr(filters, name) for name in _CONDITIONS}
    return {name: value for name, value in values.items() if value not in {None, ""}}


def _condition(name: str, sort: Sort) -> str:
    is_order = f" {_KEYS[sort]} " in _CONDITIONS[name].replace("{plus}", " ")
    return _CONDITIONS[name].format(plus="" if is_order else "+")


def _terms(owner: str, filters: Filters) -> list[str]:
    """Write all terms that an image must have."""
    terms = words.word_terms(owner, filters.words) + words.tag_terms(owner, filters.tags)
    terms += words.metadata_terms(owner, filters.metadata)
    return terms


def _statement(connection: Connection, wanted: Wanted, values: dict[str, Any], few: int) -> str:
    """Choose the way that reads least, and put what it needs besides into `values`."""
    key = _KEYS[wanted.sort]
    conditions = [f"AND {_condition(name, wanted.sort)}" for name in _given(wanted.filters)]
    if "terms" not in values:
        return "\n".join([_FROM_LIST.format(key=key), *conditions, *_onward(wanted, key, values)])
    dialect: Dialect = dialect_of(connection)
    if wanted.sort is Sort.CREATED_AT and not conditions and dialect.from_newest:
        return "\n".join([dialect.from_newest, *_onward(wanted, "image_words.rowid", values)])
    asked = {"terms": values["terms"], "most": few + 1}
    count = connection.execute(dialect.count, asked)[0]["found"]
    if count <= few:
        # Names are in no index but their own, so they are read only where they are the order.
        name = key if wanted.sort is Sort.NAME else "''"
        source = dialect.from_terms.format(key=key, name=name)
        return "\n".join([source, *conditions, *_onward(wanted, key, values)])
    after, ending = _onward(wanted, key, values)
    return "\n".join([_FROM_LIST.format(key=key), *conditions, after, dialect.among_terms, ending])


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
