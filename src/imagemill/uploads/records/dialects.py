"""The index of words in the SQL of each engine: the one thing that the two do not share.

SQLite has a table of its full-text index, PostgreSQL a column of terms with an inverted index. Both
hold the same terms (see `words.py`) and find the same images (see decisions 18 and 21).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from imagemill.database import Connection


@dataclass(frozen=True, slots=True)
class Dialect:
    """Every statement on `image_words`."""

    terms: Callable[[Iterable[str]], str]
    """Asks for all of some terms together; each is quoted, and holds no quote."""
    index: str
    forget: str
    count: str
    from_terms: str
    """Looks at the images with the terms one by one; with `key`, and the `name` to order by."""
    from_newest: str
    """Walks the index in its own order, which is that of time; empty where it has none."""
    among_terms: str
    """A condition on `images` that each has the terms. It stands last, so that it is read only for
    images that all else is true of."""


SQLITE: Final = Dialect(
    terms=lambda terms: " AND ".join(f'"{each}"' for each in terms),
    index="INSERT INTO image_words (rowid, words) VALUES (:number, :words)",
    forget="DELETE FROM image_words WHERE rowid = :number",
    count="""
SELECT COUNT(*) AS found FROM (
    SELECT 1 FROM image_words WHERE image_words MATCH :terms LIMIT :most
)
""",
    # Kept apart from all conditions, or one of them chooses an index in which each image is looked
    # for among a thousand (measured: 270 ms instead of 5).
    from_terms="""
WITH near AS MATERIALIZED (
    SELECT images.number, images.created_at, images.status, images.format, images.width,
        images.height, images.size_bytes, {name} AS sort_name
    FROM image_words CROSS JOIN images
    ON images.owner = :owner AND images.number = image_words.rowid
    WHERE image_words MATCH :terms AND images.going_at IS NULL
)
SELECT images.number, {key} AS place FROM near AS images WHERE TRUE
""",
    from_newest="""
SELECT image_words.rowid AS number, image_words.rowid AS place FROM image_words CROSS JOIN images
ON images.owner = :owner AND images.number = image_words.rowid
WHERE image_words MATCH :terms AND images.going_at IS NULL
""",
    among_terms="""
AND +images.number IN (SELECT rowid FROM image_words WHERE image_words MATCH :terms)
""",
)
POSTGRES: Final = Dialect(
    terms=lambda terms: " & ".join(f"'{each}'" for each in terms),
    index="""
INSERT INTO image_words (number, words)
VALUES (:number, array_to_tsvector(string_to_array(:words, ' ')))
""",
    forget="DELETE FROM image_words WHERE number = :number",
    count="""
SELECT COUNT(*) AS found FROM (
    SELECT 1 FROM image_words WHERE words @@ CAST(:terms AS tsquery) LIMIT :most
) AS counted
""",
    from_terms="""
WITH near AS MATERIALIZED (
    SELECT images.number, images.created_at, images.status, images.format, images.width,
        images.height, images.size_bytes, {name} AS sort_name
    FROM image_words JOIN images
    ON images.owner = :owner AND images.number = image_words.number
    WHERE image_words.words @@ CAST(:terms AS tsquery) AND images.going_at IS NULL
)
SELECT images.number, {key} AS place FROM near AS images WHERE TRUE
""",
    from_newest="",
    # As a value and not as a join, which would read all images with the terms first.
    among_terms="""
AND (
    SELECT image_words.words @@ CAST(:terms AS tsquery) FROM image_words
    WHERE image_words.number = images.number
)
""",
)
_BY_ENGINE: Final[Mapping[str, Dialect]] = {"sqlite": SQLITE, "postgresql": POSTGRES}


def dialect_of(connection: Connection) -> Dialect:
    """Give the statements that the engine of a connection takes."""
    return _BY_ENGINE[connection.engine]
