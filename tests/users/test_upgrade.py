"""Keys of an older version open what they opened, under the ids that they had."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.database import Connection
from imagemill.database.migrations import migrations_of
from imagemill.users.keys import digest_of
from imagemill.users.service import Users
from tests.peers.engines import database_at
from tests.users.keyed import SIGNER

OLD = "im_of_the_older_version"


def written_by_an_older_version(connection: Connection) -> None:
    digests = {"admin": digest_of(OLD), "other": digest_of("im_of_anna")}
    for statement in (
        "INSERT INTO accounts (id, created_at) VALUES ('admin', 1), ('anna', 2)",
        "INSERT INTO api_keys VALUES (:admin, 'admin', 'admin-key', '*', 3, 2, 30.0)",
        "INSERT INTO api_keys VALUES (:other, 'anna', 'admin-key', 'jobs:*', 4, NULL, NULL)",
    ):
        connection.execute(statement, digests)


@pytest.mark.both_engines
async def test_keys_keep_their_ids_and_settings(tmp_path: Path) -> None:
    database = database_at(tmp_path / "users.sqlite")
    await database.migrate(migrations_of("imagemill.users")[:2])
    await database.run(written_by_an_older_version)
    users = Users(database, SIGNER)

    await users.start(OLD)
    generated = (await users.keys.admitted(OLD)).identity
    other = (await users.keys.admitted("im_of_anna")).identity
    await users.start("im_of_another_file")
    kept = await users.keys.get("anna", digest_of("im_of_anna")[:16])
    await database.close()

    assert generated.key_id == digest_of(OLD)[:16]
    assert generated.scopes == {"*"}
    assert (generated.max_retries, generated.timeout_s) == (2, 30.0)
    assert other.scopes == {"jobs:read", "jobs:write"}
    assert (kept.is_generated, kept.prefix) == (False, "im_")
