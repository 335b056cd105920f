"""The rows of presets and every statement on them; each names the owner."""

from __future__ import annotations

import json

from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.jobs.presets import LARGEST_VERSION, Draft, Preset

_VERSION = """
SELECT v.*, p.description
FROM preset_versions v JOIN presets p ON p.owner = v.owner AND p.name = v.name
WHERE v.owner = :owner AND v.name = :name AND v.version = :version
"""
_NEWEST = """
SELECT v.*, p.description
FROM presets p JOIN preset_versions v
  ON v.owner = p.owner AND v.name = p.name AND v.version = p.newest
WHERE p.owner = :owner AND p.name = :name
"""
_LIST = """
SELECT v.*, p.description
FROM presets p JOIN preset_versions v
  ON v.owner = p.owner AND v.name = p.name AND v.version = p.newest
WHERE p.owner = :owner AND p.name > :after AND p.is_removed = 0
ORDER BY p.name LIMIT :most
"""
_VERSIONS = """
SELECT v.*, p.description
FROM preset_versions v JOIN presets p ON p.owner = v.owner AND p.name = v.name
WHERE v.owner = :owner AND v.name = :name AND v.version < :before
ORDER BY v.version DESC LIMIT :most
"""
_COUNT = """
SELECT COUNT(*) AS found FROM presets WHERE owner = :owner AND name <> :name AND is_removed = 0
"""
_COUNT_VERSIONS = """
SELECT COUNT(*) AS found FROM preset_versions WHERE owner = :owner AND name = :name
"""
_NEXT = """
INSERT INTO presets (owner, name, newest, description) VALUES (:owner, :name, 1, :description)
ON CONFLICT (owner, name) DO UPDATE
SET newest = presets.newest + 1, description = excluded.description, is_removed = 0
RETURNING newest
"""
_ADD_VERSION = """
INSERT INTO preset_versions (owner, name, version, steps, created_at)
VALUES (:owner, :name, :version, :steps, :now)
"""
_DESCRIBE = "UPDATE presets SET description = :description WHERE owner = :owner AND name = :name"
_REMOVE = """
UPDATE presets SET is_removed = 1 WHERE owner = :owner AND name = :name AND is_removed = 0
RETURNING name
"""
_REMOVE_VERSIONS = "DELETE FROM preset_versions WHERE owner = :owner AND name = :name"


def find(connection: Connection, owner: str, name: str, version: int | None) -> Preset | None:
    """Read a version of a preset, the newest by default; None when it is not there."""
    row = {"owner": owner, "name": name}
    if version is None:
        rows = connection.execute(_NEWEST, row)
    else:
        rows = connection.execute(_VERSION, {**row, "version": version})
    return _preset(rows[0]) if rows else None


def counted(connection: Connection, owner: str, name: str) -> tuple[int, int]:
    """Count the owner's presets besides this one, and the versions that are kept of this one."""
    row = {"owner": owner, "name": name}
    presets = connection.execute(_COUNT, row)[0]["found"]
    return int(presets), int(connection.execute(_COUNT_VERSIONS, row)[0]["found"])


def add(connection: Connection, owner: str, draft: Draft, now: float) -> Preset:
    """Keep the next version of a preset, or the first."""
    row = {"owner": owner, "name": draft.name}
    description = draft.description or ""
    version = int(connection.execute(_NEXT, {**row, "description": description})[0]["newest"])
    written = {"version": version, "steps": json.dumps(draft.steps), "now": now}
    connection.execute(_ADD_VERSION, {**row, **written})
    return Preset(draft.name, version, draft.steps, description, now)


def describe(connection: Connection, owner: str, name: str, description: str) -> None:
    """Say what a preset is for."""
    row = {"owner": owner, "name": name, "description": description}
    connection.execute(_DESCRIBE, row)


def remove(connection: Connection, owner: str, name: str) -> None:
    """Remove a preset with its versions, but for the count of them; raises `NotFound`."""
    row = {"owner": owner, "name": name}
    if not connection.execute(_REMOVE, row):
        raise NotFound("There is no such preset.")
    connection.execute(_REMOVE_VERSIONS, row)


def listed(connection: Connection, owner: str, after: str, most: int) -> list[Preset]:
    """Read the newest versions of an owner's presets after a name, in the order of the names."""
    rows = connection.execute(_LIST, {"owner": owner, "after": after, "most": most})
    return [_preset(row) for row in rows]


def versions(
    connection: Connection, owner: str, name: str, before: int | None, most: int
) -> list[Preset]:
    """Read the versions of a preset before one of them, the newest first."""
    # One more than the largest, for the newest itself is wanted too.
    row = {"owner": owner, "name": name, "before": before or LARGEST_VERSION + 1, "most": most}
    return [_preset(each) for each in connection.execute(_VERSIONS, row)]


def _preset(row: Row) -> Preset:
    return Preset(
        name=row["name"],
        version=row["version"],
        steps=json.loads(row["steps"]),
        description=row["description"],
        created_at=row["created_at"],
    )
