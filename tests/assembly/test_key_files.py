"""Keys that the operator keeps: made once, read by all, never made by who lacks one."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from imagemill.assembly import key_files, migrate, running
from imagemill.assembly.accounts import people_beside
from imagemill.cli import checks
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.settings import ADMIN_KEY, SERVICE_KEY, TOKEN_KEYS, URL_KEYS, Settings

ALL = [ADMIN_KEY, SERVICE_KEY, TOKEN_KEYS, URL_KEYS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key_files.make(tmp_path / "keys")
    return tmp_path / "keys"


def test_all_keys_are_made_at_once_and_only_those_that_lack(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    made = key_files.make(folder)
    (folder / URL_KEYS).unlink()
    admin = (folder / ADMIN_KEY).read_text()
    again = key_files.make(folder)

    assert (sorted(made), again) == (sorted(ALL), [URL_KEYS])
    assert sorted(each.name for each in folder.iterdir()) == sorted(ALL)
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ADMIN_KEY).read_text() == admin
    assert admin.startswith("im_")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="cannot be made"):
        key_files.make(tmp_path / "file" / "keys")


async def test_a_process_names_every_key_that_it_lacks_and_makes_none(
    tmp_path: Path, folder: Path
) -> None:
    for name in (ADMIN_KEY, URL_KEYS):
        (folder / name).unlink()
    settings = Settings(data=tmp_path / "data", keys_folder=folder)

    with pytest.raises(InvalidRequest, match=r"admin-key \(users\); url-keys \(uploads, jobs, not"):
        async with running(settings):
            pass

    assert not (folder / ADMIN_KEY).exists()
    assert not (tmp_path / "data").exists()


async def test_a_process_asks_for_no_key_that_it_does_not_read(
    tmp_path: Path, folder: Path
) -> None:
    for name in (ADMIN_KEY, URL_KEYS, TOKEN_KEYS):
        (folder / name).unlink()
    peers = dict.fromkeys(("users", "uploads", "jobs"), "http://127.0.0.1:9")
    settings = Settings.model_validate(
        {"data": tmp_path / "data", "keys_folder": folder, "peers": peers}
    )

    async with running(settings, ["gateway"]) as system:
        assert system.admin_key == ""

    assert not (tmp_path / "data").exists()


async def test_two_users_services_let_the_same_first_key_in(tmp_path: Path, folder: Path) -> None:
    settings = Settings(data=tmp_path / "data", keys_folder=folder)

    async with running(settings, ["users"]) as first, running(settings, ["users"]) as second:
        assert first.admin_key == second.admin_key == (folder / ADMIN_KEY).read_text().strip()


async def test_commands_beside_the_services_make_no_key_either(
    tmp_path: Path, folder: Path
) -> None:
    settings = Settings(data=tmp_path / "data", keys_folder=folder)
    await migrate(settings)
    async with people_beside(settings):
        pass

    (folder / ADMIN_KEY).unlink()
    with pytest.raises(InvalidRequest, match="admin-key"):
        async with people_beside(settings):
            pass


def test_a_ring_that_went_away_is_not_made_anew(folder: Path) -> None:
    (folder / URL_KEYS).unlink()

    with pytest.raises(Unavailable, match="url-keys is not there"):
        _ = key_files.ring(Settings(keys_folder=folder), URL_KEYS).current

    assert not (folder / URL_KEYS).exists()


def test_a_key_checks_before_it_signs_so_that_it_can_travel(folder: Path) -> None:
    settings = Settings(keys_folder=folder)
    ring = key_files.ring(settings, TOKEN_KEYS)
    old = ring.current

    made = key_files.rotate(settings, 600)

    assert ring.current == old
    assert list(ring.all()) == [old.id, made[TOKEN_KEYS]]
    assert key_files.rotate(settings, 0)[TOKEN_KEYS] == ring.current.id


def test_the_doctor_tells_which_keys_lack(folder: Path) -> None:
    (folder / TOKEN_KEYS).unlink()

    (found,) = checks.keys(Settings(keys_folder=folder))

    assert found.what == "key token-keys"
    assert re.search(r"users cannot start", found.note)
    assert list(checks.keys(Settings())) == []
