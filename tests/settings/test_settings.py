"""Settings from the environment and from flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.engine.settings import Mode
from imagemill.errors import InvalidRequest
from imagemill.settings import NAMES, Settings, given_settings, name_of, paths, secrets


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


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "redis-url"
    path.write_text("redis://:s3cret@redis:6379/0\n", encoding="utf-8")

    settings = Settings.load({"IMAGEMILL_GATEWAY_REDIS_URL_FILE": str(path)})

    assert settings.gateway.redis_url.get_secret_value() == "redis://:s3cret@redis:6379/0"


def test_a_secret_by_file_and_by_value_is_refused(tmp_path: Path) -> None:
    name, value = "IMAGEMILL_GATEWAY_REDIS_URL", "redis://:s3cret@redis"

    with pytest.raises(InvalidRequest, match=rf"{name} and {name}_FILE are both set") as refused:
        Settings.load({name: value, f"{name}_FILE": str(tmp_path / "url")})

    assert "s3cret" not in str(refused.value)


def test_a_file_for_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    with pytest.raises(InvalidRequest, match="missing' that IMAGEMILL_QUEUE_URL_FILE names"):
        Settings.load({"IMAGEMILL_QUEUE_URL_FILE": str(missing)})


@pytest.mark.parametrize("short", ["REDIS_URL", "NATS_URL", "RABBITMQ_URL", "KAFKA_URL"])
def test_a_short_name_of_a_secret_may_name_a_file_too(tmp_path: Path, short: str) -> None:
    name = f"IMAGEMILL_{short}_FILE"
    (tmp_path / "secret").write_text("redis://:hush@there\n", encoding="utf-8")

    given = given_settings({name: str(tmp_path / "secret")})

    assert given == {NAMES[short]: ("redis://:hush@there", name)}


def test_a_secret_with_a_setting_for_its_file_has_that_by_its_short_name_too() -> None:
    given = given_settings({"IMAGEMILL_MINIO_SECRET_KEY_FILE": "/run/secret"})

    assert given == {"storage.secret_key_file": ("/run/secret", "IMAGEMILL_MINIO_SECRET_KEY_FILE")}


def test_what_is_no_secret_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="IMAGEMILL_PORT_FILE is not a setting"):
        Settings.load({"IMAGEMILL_PORT_FILE": str(tmp_path / "port")})


def test_secrets_that_have_a_setting_for_their_file_keep_it() -> None:
    assert {"database.url", "queue.url", "gateway.redis_url"} <= set(secrets())
    assert not {f"{path}_file" for path in secrets()} & set(paths())


@pytest.mark.parametrize("name", ["IMAGEMILL_NATS_URL", "IMAGEMILL_KAFKA_URL"])
def test_two_names_of_one_setting_with_different_values_are_refused(name: str) -> None:
    given = {"IMAGEMILL_QUEUE_URL": "nats://mill:s3cret@one", name: "nats://two"}

    with pytest.raises(InvalidRequest, match=f"IMAGEMILL_QUEUE_URL and {name} are both") as refused:
        Settings.load(given)

    assert "s3cret" not in str(refused.value)


def test_two_names_of_one_setting_may_say_the_same() -> None:
    settings = Settings.load(
        dict.fromkeys(("IMAGEMILL_QUEUE_URL", "IMAGEMILL_NATS_URL"), "tls://a")
    )

    assert settings.queue.url.get_secret_value() == "tls://a"
