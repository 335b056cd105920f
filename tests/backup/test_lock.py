"""Removal rests while a backup runs, and a backup begins when removal has ended."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from imagemill import backup
from imagemill.backup.lock import at_rest, pausing_removal, serving
from imagemill.errors import Conflict, Unavailable
from tests.backup.folders import Data, backed_up


def test_nothing_may_be_removed_while_a_backup_runs(data: Data, folder: Path) -> None:
    seen: list[tuple[bool, bool]] = []

    def look(_: str) -> None:
        with backup.removing(data.path) as is_allowed:
            seen.append((backup.is_running(data.path), is_allowed))

    backed_up(data, folder, tell=look)

    assert set(seen) == {(True, False)}
    assert not backup.is_running(data.path)
    with backup.removing(data.path) as is_allowed:
        assert is_allowed


async def test_a_backup_waits_for_removals_under_way(tmp_path: Path) -> None:
    began = asyncio.Event()

    async def back_up() -> None:
        async with pausing_removal(tmp_path):
            began.set()

    with backup.removing(tmp_path) as first, backup.removing(tmp_path) as second:
        waiting = asyncio.create_task(back_up())
        await asyncio.sleep(0)
        assert (first, second, began.is_set()) == (True, True, False)
    await waiting

    assert began.is_set()


async def test_a_second_backup_of_the_same_data_is_refused(tmp_path: Path) -> None:
    async with pausing_removal(tmp_path):
        with pytest.raises(Conflict, match=f"Another backup of {tmp_path} is running"):
            async with pausing_removal(tmp_path, within_s=0.1):
                pytest.fail("it began")


def test_a_backup_that_is_killed_leaves_nothing_locked(tmp_path: Path) -> None:
    async def killed() -> None:
        async with pausing_removal(tmp_path):
            os._exit(0)

    child = os.fork()
    if child == 0:
        asyncio.run(killed())
    os.waitpid(child, 0)

    assert (tmp_path / "backup.lock").exists()
    assert not backup.is_running(tmp_path)


def test_where_there_never_was_a_backup_none_is_running(tmp_path: Path) -> None:
    assert not backup.is_running(tmp_path / "nowhere")


def test_a_lock_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match="work as the user that runs the services"),
        backup.removing(tmp_path / "nowhere"),
    ):
        pytest.fail("it was opened")


def test_servers_use_a_folder_together_and_a_transfer_has_it_alone(tmp_path: Path) -> None:
    in_use = pytest.raises(Conflict, match=f"{tmp_path} is in use by a server")
    with serving(tmp_path), serving(tmp_path), in_use, at_rest(tmp_path):
        pytest.fail("it began")
    with at_rest(tmp_path):
        with pytest.raises(Conflict, match="is being transferred"), serving(tmp_path):
            pytest.fail("it started")
        with pytest.raises(Conflict, match="another transfer"), at_rest(tmp_path):
            pytest.fail("it began")
