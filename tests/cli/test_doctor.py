"""`imagemill doctor` shows what is set, what works, and what is missing."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagemill.assembly.storages import object_storage
from imagemill.cli import checks
from imagemill.cli.checks import State
from imagemill.settings import PeerSettings, Settings, paths
from tests.cli.programs import imagemill
from tests.contracts.storages import moto_settings
from tests.peers.moto import MotoServer
from tests.peers.nats import NATSServer, nats_server


@pytest.mark.slow
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


@pytest.mark.slow
def test_decoders_sandbox_and_databases_are_looked_at(tmp_path: Path) -> None:
    imagemill("migrate", "--data", tmp_path)

    said = imagemill("doctor", "--data", tmp_path, "--json")

    states = {each["what"]: each["state"] for each in json.loads(said.out)["findings"]}
    assert said.code == 0, said.out
    assert (states["libvips"], states["Pillow"]) == ("good", "good")
    assert {"sandbox: limits", "sandbox: no_new_privileges"} <= set(states)
    assert {"database users", "database images", "database jobs"} <= set(states)


@pytest.mark.slow
def test_what_is_broken_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = imagemill("doctor", "--data", tmp_path / "file" / "data")

    assert said.code == 1
    assert re.search(r"^data folder +broken", said.out, re.MULTILINE)


def test_a_folder_that_is_not_there_yet_is_tried_where_it_will_be(tmp_path: Path) -> None:
    found = {each.what: each for each in checks.storage(tmp_path / "later" / "data")}

    assert found["data folder"].state is State.GOOD
    assert "is not there yet" in found["data folder"].note
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_broken(tmp_path: Path) -> None:
    (tmp_path / "databases").mkdir()
    (tmp_path / "databases" / "users.sqlite").write_bytes(b"not a database at all" * 100)

    (found,) = checks.databases(tmp_path)

    assert (found.what, found.state) == ("database users", State.BROKEN)


async def test_a_peer_that_does_not_answer_is_broken() -> None:
    peers = PeerSettings(jobs="http://127.0.0.1:1", users="nowhere")

    found = await checks.peers(Settings(peers=peers))

    assert [(each.what, each.state) for each in found] == [
        ("peer users", State.BROKEN),
        ("peer jobs", State.BROKEN),
    ]


@pytest.mark.slow
def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    first = imagemill("migrate", "--data", tmp_path)
    users = sqlite3.connect(tmp_path / "databases" / "users.sqlite")
    applied = users.execute("SELECT * FROM schema_migrations").fetchall()

    again = imagemill("migrate", "--data", tmp_path)

    assert (first.code, again.code) == (0, 0)
    assert users.execute("SELECT * FROM schema_migrations").fetchall() == applied
    users.close()


def test_a_gateway_that_is_not_one_is_broken_and_its_url_is_not_shown() -> None:
    notifier = {
        "mail_url": "mailto://mill:hush@mail.example.com/{to}",
        "sms_url": "twilio://hush/{to}",
    }
    settings = Settings.model_validate({"notifier": notifier})

    mail, sms = checks.gateways(settings)

    assert (mail.what, mail.state) == ("gateway mail", State.GOOD)
    assert (sms.what, sms.state) == ("gateway sms", State.BROKEN)
    assert "hush" not in mail.note + sms.note


@pytest.mark.server
@pytest.mark.xdist_group("moto")
async def test_an_object_store_is_told_with_its_kind_and_whether_it_can_be_written(
    moto: MotoServer,
) -> None:
    storage = moto_settings(moto.url)
    made = object_storage(storage)
    await made.start()
    await made.close()
    missing = storage.model_copy(update={"results_bucket": "never-made"})

    (good,) = await checks.objects(Settings(storage=storage))
    (broken,) = await checks.objects(Settings(storage=missing))

    assert (good.state, broken.state) == (State.GOOD, State.BROKEN)
    assert good.note.startswith(f"s3:// {moto.url}; imagemill-originals")
    assert "NoSuchBucket" in broken.note
    assert await checks.objects(Settings()) == []


async def test_a_broker_is_asked_how_much_it_holds(nats: NATSServer) -> None:
    (found,) = await checks.queue(at_broker(nats.url))

    assert (found.what, found.state) == ("queue", State.GOOD)
    assert found.note == "nats: answers, and holds 0 messages of jobs"


async def test_a_broker_that_does_not_answer_is_broken_and_its_password_is_not_shown() -> None:
    (found,) = await checks.queue(at_broker("nats://mill:s3cret@127.0.0.1:9"))

    assert (found.what, found.state) == ("queue", State.BROKEN)
    assert found.note.startswith("nats: NATS cannot be reached")
    assert "s3cret" not in found.note


async def test_without_a_broker_no_queue_is_looked_at() -> None:
    assert await checks.queue(Settings()) == []


@pytest.mark.slow
def test_a_broker_that_is_away_leaves_the_answer_json(tmp_path: Path) -> None:
    said = imagemill(
        "doctor", "--data", tmp_path, "--json", IMAGEMILL_QUEUE_URL="nats://127.0.0.1:9"
    )

    states = {each["what"]: each["state"] for each in json.loads(said.out)["findings"]}
    assert (said.code, states["queue"]) == (1, "broken")


def at_broker(url: str) -> Settings:
    return Settings.model_validate({"queue": {"url": url}})


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NATSServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running
