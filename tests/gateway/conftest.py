"""A users service that knows one key, and a gateway before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.database.sqlite import SQLiteDatabase
from imagemill.gateway.service import Gateway
from imagemill.users.service import Users
from tests.gateway.front import KEY, SIGNER, front


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Users]:
    """Give a users service that knows one key."""
    database = SQLiteDatabase(tmp_path / "users.sqlite")
    users = Users(database, SIGNER)
    await users.start(KEY)
    yield users
    await database.close()


@pytest.fixture
async def gateway(users: Users) -> Gateway:
    """Give a gateway with the settings that are safe."""
    return front(users)
