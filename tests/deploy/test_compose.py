"""The system on one Docker host: what its file promises, read as Compose reads it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imagemill.assembly.databases import VARIABLES
from imagemill.gateway.settings import GatewaySettings
from imagemill.processes import BY_NAME, NAMES
from imagemill.serving import _GRACE_S
from imagemill.worker.settings import WorkerSettings
from tests.deploy.dockerfile import ROOT
from tests.deploy.documents import load
from tests.deploy.settings import OURS, known, mentioned
from tests.peers.programs import apart, program

FOLDER = ROOT / "deploy/compose"
FILE = FOLDER / "compose.yaml"
ONCE = frozenset({"roles", "migrate", "buckets", "ownership", "log-template"})
"""Services that do one thing and end."""
WITHOUT_SHELL = frozenset({"fluent-bit"})
"""Images that hold no program which could ask whether they are well."""

Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = load(FILE)
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


def names(listed: object) -> set[str]:
    """Name what a service uses, whichever way it is written."""
    return {each if isinstance(each, str) else each["source"] for each in (listed or [])}  # type: ignore[attr-defined] # what YAML holds


def reach(services: dict[str, Service], name: str) -> set[str]:
    """Name the services that one shares a network with."""
    networks = set(services[name].get("networks", ()))
    return {other for other, each in services.items() if networks & set(each.get("networks", ()))}


@pytest.mark.slow
def test_it_is_what_the_compose_specification_allows() -> None:
    check = apart("check-jsonschema", "check-jsonschema")

    done = subprocess.run(
        [check, "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_variable_in_deploy_is_a_setting() -> None:
    files = [each for each in (ROOT / "deploy").rglob("*") if each.is_file()]

    unknown = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        if path.suffix != ".pyc"
        for name in mentioned(path) - known() - OURS
    }

    assert unknown == set()


def test_each_process_is_a_service_that_is_told_where_those_are_that_it_asks(
    services: dict[str, Service],
) -> None:
    for name in NAMES:
        told = services[name]["environment"]

        assert services[name]["command"] == ["serve", name]
        for peer in BY_NAME[name].asks:
            assert told[f"IMAGEMILL_PEERS_{peer.upper()}"] == f"http://{peer}:8000"
            assert peer in reach(services, name)


def test_each_process_gets_the_secrets_that_it_needs_and_no_others(
    services: dict[str, Service],
) -> None:
    for name in NAMES:
        secrets = names(services[name]["secrets"])
        owned = {f"database-url-{BY_NAME[name].owns}"} if BY_NAME[name].owns else set()

        assert {each for each in secrets if each.startswith("database-url-")} == owned
        assert ("admin-key" in secrets, "token-keys" in secrets) == (name == "users",) * 2
        files = {
            Path(value).name
            for variable, value in services[name]["environment"].items()
            if variable.endswith("_FILE")
        }
        assert files <= secrets


def test_only_those_that_fetch_and_tell_have_a_way_out(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    open_networks = {name for name, each in compose["networks"].items() if not each.get("internal")}

    out = {name for name, each in services.items() if open_networks & set(each.get("networks", ()))}

    assert out == {"nginx", "uploads", "notifier"}


def test_a_worker_reaches_neither_a_database_nor_what_is_outside(
    services: dict[str, Service],
) -> None:
    assert reach(services, "worker") & {"postgres", "redis", "nginx", "elasticsearch"} == set()
    assert {"nats", "minio", "jobs"} <= reach(services, "worker")


def test_what_gateways_believe_of_a_network_is_said_by_nginx_alone(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    trusted = services["gateway"]["environment"]["IMAGEMILL_GATEWAY_TRUSTED_PROXIES"]
    (network,) = [
        name
        for name, each in compose["networks"].items()
        if {"subnet": trusted} in each.get("ipam", {}).get("config", ())
    ]

    on_it = {name for name, each in services.items() if network in each.get("networks", ())}

    assert on_it == {"nginx", "gateway"}


def test_an_update_takes_nothing_away_that_older_processes_need(
    services: dict[str, Service],
) -> None:
    assert services["migrate"]["command"] == ["migrate", "--phase", "expand"]
    assert set(services["migrate"]["depends_on"]) == {"roles"}


def test_nothing_is_published_but_nginx_on_loopback(services: dict[str, Service]) -> None:
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}

    assert set(published) == {"nginx"}
    assert {each["host_ip"] for each in published["nginx"]} == {"127.0.0.1"}
    assert all(each.get("network_mode") in {None, "none"} for each in services.values())


def test_every_image_has_an_exact_version(services: dict[str, Service]) -> None:
    exact = re.compile(
        r"^[\w./-]+:(\$\{)?v?(\d+\.\d+\.\d+|\d+\.\d+-|RELEASE\.\d{4}-\d\d-\d\d)[\w.-]*$"
    )

    images = {re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", each["image"]) for each in services.values()}

    assert [each for each in images if not exact.match(each)] == []


def test_scripts_that_are_run_may_be_run() -> None:
    scripts = ("compose/prepare", "kubernetes/make-secrets", "kubernetes/roll-out")

    assert [each for each in scripts if not os.access(ROOT / "deploy" / each, os.X_OK)] == []


def test_every_container_is_shut_in(services: dict[str, Service]) -> None:
    for name, each in services.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert not each.get("privileged"), name
        assert set(each["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert not each.get("cap_add") or name == "ownership", name


def test_everything_that_stays_says_whether_it_is_well(services: dict[str, Service]) -> None:
    silent = {
        name
        for name, each in services.items()
        if name not in ONCE | WITHOUT_SHELL and "healthcheck" not in each and "build" not in each
    }

    assert silent == set()


def test_whatever_is_named_is_declared_and_there(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    for kind in ("configs", "secrets", "networks"):
        used = set().union(*(names(each.get(kind)) for each in services.values()))

        assert used <= set(compose[kind]), kind
        assert kind == "secrets" or used == set(compose[kind]), kind
    for each in compose["configs"].values():
        assert (FOLDER / each["file"]).is_file()
    for each in services.values():
        for volume in each.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or source[0] == "/" or (FOLDER / source).exists()
        assert set(each.get("depends_on", ())) <= set(services)


def test_a_process_is_given_more_time_to_stop_than_it_takes(services: dict[str, Service]) -> None:
    longest_s = max(GatewaySettings().grace_s, WorkerSettings().grace_s) + _GRACE_S

    assert all(int(services[name]["stop_grace_period"][:-1]) > longest_s for name in NAMES)


def test_no_secret_stands_in_a_file_of_deploy() -> None:
    literal = re.compile(
        r"(?i)(password|secret[_-]?key|token|passwd)\"?\s*[:=]\s*[\"']?(?![\"'\s])[^\s\"'$<{/]"
    )
    folder = ROOT / "deploy"

    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in folder.rglob("*")
        if path.suffix in {".yaml", ".yml", ".conf", ".env", ".json"}
        for line in path.read_text(encoding="utf-8").splitlines()
        if literal.search(line) and not re.search(r"(?i)(_FILE|file): |key: [\w-]+$", line)
        if "automountServiceAccountToken" not in line
    ]

    assert found == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the script made every secret; the keys are made by one of ours."""
    folder = tmp_path_factory.mktemp("compose")
    make = folder / "make-keys"
    make.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "for name in ('service-key', 'admin-key', 'token-keys', 'url-keys'):\n"
        "    pathlib.Path(sys.argv[1], name).write_text('made')\n",
        encoding="utf-8",
    )
    make.chmod(0o700)
    for _ in range(2):  # The second time it finds all of them.
        environ = {**os.environ, "MAKE_KEYS": str(make)}
        subprocess.run(
            [str(FOLDER / "prepare"), str(folder)], env=environ, check=True, capture_output=True
        )
    return folder / "secrets"


@pytest.mark.slow
def test_the_script_makes_every_secret_that_the_file_names(
    compose: dict[str, Any], prepared: Path
) -> None:
    wanted = {each["file"] for each in compose["secrets"].values()}

    made = {f"secrets/{each.relative_to(prepared)}" for each in prepared.rglob("*")}

    assert wanted <= made
    assert stat.S_IMODE(prepared.stat().st_mode) == 0o700


@pytest.mark.slow
def test_each_password_is_long_and_one_of_its_own(prepared: Path) -> None:
    passwords = [
        path.read_text(encoding="utf-8")
        for path in prepared.iterdir()
        if "password" in path.name or path.name == "storage-secret-key"
    ]

    assert len(passwords) == 12
    assert len(set(passwords)) == len(passwords)
    assert all(re.fullmatch(r"[\w-]{43}", each) for each in passwords)


@pytest.mark.slow
def test_addresses_hold_the_passwords_of_their_roles(prepared: Path) -> None:
    for role in ("owner", "users", "images", "jobs", "notifications", "queue"):
        password = (prepared / f"password-{role}").read_text(encoding="utf-8")
        url = (prepared / f"database-url-{role}").read_text(encoding="utf-8")

        login = f"imagemill_{role}:{password}"
        assert url == f"postgresql://{login}@postgres:5432/imagemill?sslmode=disable"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("deploy/nats/nats.conf", "run/secrets/nats-login"),
        ("deploy/kubernetes/components/nats/nats.conf", "etc/nats-login/login"),
    ],
)
def test_nats_takes_its_configuration_with_the_login_that_was_made(
    prepared: Path, tmp_path: Path, source: str, place: str
) -> None:
    config, login = tmp_path / "etc/nats/nats.conf", tmp_path / place
    for path, text in (
        (config, (ROOT / source).read_text(encoding="utf-8")),
        (login, (prepared / "nats-login").read_text(encoding="utf-8")),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    server = Path(sys.executable).with_name("nats-server")

    done = subprocess.run(
        [server, "-t", "-c", str(config)],
        env={**os.environ, "POD_NAME": "nats-0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    config = (ROOT / "deploy/nginx/imagemill.conf").read_text(encoding="utf-8")
    # Debian's nginx is older than the one in the image: it cannot ask for a name again.
    known_here = config.replace("gateway:8000", "127.0.0.1:8000").replace(" resolve", "")
    (tmp_path / "imagemill.conf").write_text(known_here, encoding="utf-8")
    around = tmp_path / "nginx.conf"
    around.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/imagemill.conf; }}\n",
        encoding="utf-8",
    )
    nginx = program("nginx")

    done = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(around)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_lines_of_other_containers_are_nobodys_business(
    compose: dict[str, Any], services: dict[str, Service]
) -> None:
    shipped = load(ROOT / "deploy/logging/fluent-bit.yaml")
    first = shipped["pipeline"]["filters"][0]
    field, pattern = services["fluent-bit"]["environment"]["LOG_ONLY"].replace("$$", "$").split()

    assert (first["name"], first["regex"]) == ("grep", "${LOG_ONLY}")
    assert field == "$attrs['com.docker.compose.project']"
    assert re.search(pattern, compose["name"])
    assert all(
        "com.docker.compose.project" in each["logging"]["options"]["labels"].split(",")
        for each in services.values()
    )


def test_roles_are_given_the_password_of_each_and_the_administrators_address(
    services: dict[str, Service],
) -> None:
    secrets = names(services["roles"]["secrets"])

    assert secrets == {"database-url-admin"} | {f"password-{each}" for each in VARIABLES}


def test_what_elasticsearch_is_told_is_json_and_knows_the_fields_of_our_lines() -> None:
    folder = ROOT / "deploy/logging"
    template = json.loads((folder / "index-template.json").read_text(encoding="utf-8"))
    lifecycle = json.loads((folder / "lifecycle.json").read_text(encoding="utf-8"))
    shipped = load(folder / "fluent-bit.yaml")

    fields = set(template["template"]["mappings"]["properties"])

    assert {"level", "event", "request_id", "job_id", "trace_id"} <= fields
    assert template["template"]["settings"]["index.lifecycle.name"] == "imagemill"
    assert lifecycle["policy"]["phases"]["delete"]["min_age"] == "30d"
    prefix = shipped["pipeline"]["outputs"][0]["logstash_prefix"]
    assert template["index_patterns"] == [f"{prefix}-*"]
