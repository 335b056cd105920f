"""Settings from the environment and from flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.engine.settings import Mode
from imagemill.errors import InvalidRequest
from imagemill.settings import NAMES, Settings, given_settings, name_of, paths


def test_without_anything_set_it_listens_on_loopback_only() -> None:
    settings = Settings.load({})

    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path("data"))


def test_every_setting_has_a_name_of_its_own() -> None:
    names = [name_of(path) for path in paths()]

    assert len(names) == len(set(names))
    assert "IMAGEMILL_JOBS_LEASE_S" in names


def test_the_environment_reaches_nested_settings() -> None:
    settings = Settings.load(
        {"IMAGEMILL_PORT": "9000", "IMAGEMILL_JOBS_LEASE_S": "45", "OTHER_PROGRAM": "x"}
    )

    assert (settings.port, settings.jobs.lease_s) == (9000, 45.0)


def test_short_names_stand_for_their_settings() -> None:
    settings = Settings.load(
        {
            "IMAGEMILL_SANDBOX": "required",
            "IMAGEMILL_WORKER_CONCURRENCY": "5",
            "IMAGEMILL_MAX_RETRIES": "3",
            "IMAGEMILL_JOB_TIMEOUT": "30s",
        }
    )

    assert settings.sandbox.mode is Mode.REQUIRED
    assert settings.sandbox.children == 5
    assert (settings.jobs.max_retries, settings.jobs.timeout_s) == (3, 30.0)


def test_every_short_name_names_a_setting() -> None:
    assert set(NAMES.values()) <= set(paths())


def test_a_flag_comes_before_the_environment() -> None:
    settings = Settings.load({"IMAGEMILL_PORT": "9000"}, port=9001)

    assert settings.port == 9001


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidRequest, match=r"IMAGEMILL_PROT .* IMAGEMILL_PORT"):
        Settings.load({"IMAGEMILL_PROT": "1"})


def test_a_wrong_value_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as error:
        Settings.load({"IMAGEMILL_PORT": "many", "IMAGEMILL_JOBS_LEASE_S": "0"})

    assert {each.field for each in error.value.errors} == {"port", "jobs.lease_s"}


def test_it_is_known_where_a_value_was_set() -> None:
    given = given_settings({"IMAGEMILL_PORT": "9000"}, data=Path("elsewhere"))

    assert given["port"] == ("9000", "IMAGEMILL_PORT")
    assert given["data"] == (Path("elsewhere"), "command line")


def test_a_promise_survives_a_power_cut_unless_told_otherwise() -> None:
    written = Settings.load({"IMAGEMILL_DURABILITY": "written"})

    assert (Settings.load({}).durability, written.durability) == ("synced", "written")


def test_another_durability_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"durability.*synced.*written"):
        Settings.load({"IMAGEMILL_DURABILITY": "sometimes"})
