"""Webhooks and their secrets; each statement names the owner."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.notifier.webhook import Secret, Webhook

_ADD = """
INSERT INTO webhooks (id, owner, url, events, description, is_enabled, created_at)
VALUES (:id, :owner, :url, :events, :description, :is_enabled, :created_at)
"""
_GET = "SELECT * FROM webhooks WHERE id = :id AND owner = :owner"
_COUNT = "SELECT count(*) AS found FROM webhooks WHERE owner = :owner"
_LIST = """
SELECT * FROM webhooks WHERE owner = :owner AND (created_at, id) < (:before, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :most
"""
_ENABLED = "SELECT * FROM webhooks WHERE owner = :owner AND is_enabled = 1"
_CHANGE = """
UPDATE webhooks SET url = :url, events = :events, description = :description,
       is_enabled = :is_enabled, disabled_reason = :disabled_reason, failing_since = :failing_since
WHERE id = :id AND owner = :owner
"""
_REMOVE = "DELETE FROM webhooks WHERE id = :id AND owner = :owner RETURNING id"
_REMOVE_ALL = "DELETE FROM webhooks WHERE owner = :owner"
_SIGNING = "SELECT * FROM secrets WHERE owner = :owner AND holder = :holder"
_KEEP_SIGNING = """
INSERT INTO secrets (owner, holder, secret, made_at, old_secret, old_until)
VALUES (:owner, :holder, :secret, :made_at, :old_secret, :old_until)
ON CONFLICT (owner, holder) DO UPDATE
SET secret = excluded.secret, made_at = excluded.made_at, old_secret = excluded.old_secret,
    old_until = excluded.old_until
"""
_REMOVE_SIGNING = "DELETE FROM secrets WHERE owner = :owner AND holder = :holder"
# The answer that made a webhook holds its secret.
_REMOVE_ANSWERS = "DELETE FROM idempotency WHERE owner = :owner"
_REMOVE_SIGNINGS = "DELETE FROM secrets WHERE owner = :owner"


def add(connection: Connection, webhook: Webhook) -> None:
    """Keep a new webhook."""
    connection.execute(_ADD, _row(webhook))


def get(connection: Connection, owner: str, webhook_id: str) -> Webhook:
    """Read one of an owner's webhooks; raises `NotFound`."""
    webhook = find(connection, owner, webhook_id)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def find(connection: Connection, owner: str, webhook_id: str) -> Webhook | None:
    """Read one of an owner's webhooks, if it is there."""
    rows = connection.execute(_GET, {"id": webhook_id, "owner": owner})
    return _webhook(rows[0]) if rows else None


def count(connection: Connection, owner: str) -> int:
    """Count an owner's webhooks."""
    return int(connection.execute(_COUNT, {"owner": owner})[0]["found"])


def listed(
    connection: Connection, owner: str, before: float, before_id: str, most: int
) -> list[Webhook]:
    """Read an owner's webhooks, the newest first."""
    row = {"owner": owner, "before": before, "before_id": before_id, "most": most}
    return [_webhook(each) for each in connection.execute(_LIST, row)]


def enabled(connection: Connection, owners: Iterable[str]) -> list[Webhook]:
    """Read the webhooks of some owners that want to be told."""
    return [_webhook(row) for each in owners for row in connection.execute(_ENABLED, _of(each))]


def change(connection: Connection, webhook: Webhook) -> None:
    """Write what a webhook is now."""
    connection.execute(_CHANGE, _row(webhook))


def remove(connection: Connection, owner: str, webhook_id: str) -> None:
    """Remove a webhook with its secret; raises `NotFound`."""
    if not connection.execute(_REMOVE, {"id": webhook_id, "owner": owner}):
        raise NotFound("There is no such webhook.")
    connection.execute(_REMOVE_SIGNING, {"owner": owner, "holder": webhook_id})


def remove_all(connection: Connection, owner: str) -> None:
    """Remove all of an owner's webhooks and secrets, those in remembered answers too."""
    connection.execute(_REMOVE_ANSWERS, _of(owner))
    connection.execute(_REMOVE_ALL, _of(owner))
    connection.execute(_REMOVE_SIGNINGS, _of(owner))


def secret(connection: Connection, owner: str, holder: str) -> Secret | None:
    """Read what signs for a webhook, or for what jobs bring."""
    rows = connection.execute(_SIGNING, {"owner": owner, "holder": holder})
    if not rows:
        return None
    row = rows[0]
    return Secret(row["secret"], row["made_at"], row["old_secret"], row["old_until"])


def keep_secret(connection: Connection, owner: str, holder: str, kept: Secret) -> None:
    """Keep what signs from now on."""
    row = {
        "owner": owner,
        "holder": holder,
        "secret": kept.secret,
        "made_at": kept.made_at,
        "old_secret": kept.old_secret,
        "old_until": kept.old_until,
    }
    connection.execute(_KEEP_SIGNING, row)


def _of(owner: str) -> dict[str, str]:
    return {"owner": owner}


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "owner": webhook.owner,
        "url": webhook.url,
        "events": json.dumps(webhook.events),
        "description": webhook.description,
        "is_enabled": int(webhook.is_enabled),
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "created_at": webhook.created_at,
    }


def _webhook(row: Row) -> Webhook:
    return Webhook(
        id=row["id"],
        owner=row["owner"],
        url=row["url"],
        events=tuple(json.loads(row["events"])),
        description=row["description"],
        is_enabled=bool(row["is_enabled"]),
        disabled_reason=row["disabled_reason"],
        failing_since=row["failing_since"],
        created_at=row["created_at"],
    )
