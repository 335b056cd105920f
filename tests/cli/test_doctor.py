"""`imagemill doctor` shows what is set, what works, and what is missing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from imagemill.settings import paths
from tests.cli.programs import imagemill


def test_every_setting_is_shown_with_where_it_was_set(tmp_path: Path) -> None:
    said = imagemill("doctor", "--data", tmp_path, "--json", IMAGEMILL_JOBS_LEASE_S="20s")

    settings = {each["setting"]: each for each in json.loads(said.out)["settings"]}
    assert set(settings) == set(paths())
    assert (settings["jobs.lease_s"]["value"], settings["jobs.lease_s"]["set_by"]) == (
        "20.0",
        "IMAGEMILL_JOBS_LEASE_S",
    )
    assert settings["data"]["set_by"] == "command line"
    assert settings["port"]["set_by"] == "default"


def test_decoders_sandbox_and_databases_are_looked_at(tmp_path: Path) -> None:
    imagemill("migrate", "--data", tmp_path)

    said = imagemill("doctor", "--data", tmp_path, "--json")

    states = {each["what"]: each["state"] for each in json.loads(said.out)["findings"]}
    assert said.code == 0, said.out
    assert (states["libvips"], states["Pillow"]) == ("good", "good")
    assert {"sandbox: limits", "sandbox: no_new_privileges"} <= set(states)
    assert {"database users", "database images", "database jobs"} <= set(states)


def test_a_folder_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = imagemill("doctor", "--data", tmp_path / "file" / "data")

    assert said.code == 1
    assert "data folder" in said.out
    assert "broken" in said.out


def test_a_damaged_database_is_broken(tmp_path: Path) -> None:
    imagemill("migrate", "--data", tmp_path)
    (tmp_path / "databases" / "users.sqlite").write_bytes(b"not a database at all" * 100)

    said = imagemill("doctor", "--data", tmp_path, "--json")

    states = {each["what"]: each["state"] for each in json.loads(said.out)["findings"]}
    assert (said.code, states["database users"]) == (1, "broken")


def test_a_peer_that_does_not_answer_is_broken(tmp_path: Path) -> None:
    said = imagemill("doctor", "--data", tmp_path, IMAGEMILL_PEERS_JOBS="http://127.0.0.1:1")

    assert said.code == 1
    assert "peer jobs" in said.out


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    first = imagemill("migrate", "--data", tmp_path)
    users = sqlite3.connect(tmp_path / "databases" / "users.sqlite")
    applied = users.execute("SELECT * FROM schema_migrations").fetchall()

    again = imagemill("migrate", "--data", tmp_path)

    assert (first.code, again.code) == (0, 0)
    assert users.execute("SELECT * FROM schema_migrations").fetchall() == applied
    users.close()
