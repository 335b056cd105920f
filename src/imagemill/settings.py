"""Every setting in one place: composed from each folder's own, read once, at start.

A setting's environment name is `IMAGEMILL_` and its path in capitals: `jobs.lease_s` is
`IMAGEMILL_JOBS_LEASE_S`. The few short names of `NAMES` stand beside these. A secret may be in
a file that the same name with `_FILE` names, as containers are given them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from imagemill.audit.settings import AuditSettings
from imagemill.breaker import BreakerSettings
from imagemill.contracts.facts import Limits
from imagemill.contracts.wording import problem_with
from imagemill.database.settings import DatabaseSettings
from imagemill.egress.settings import EgressSettings
from imagemill.engine.settings import SandboxSettings
from imagemill.errors import FieldError, InvalidRequest
from imagemill.gateway.settings import GatewaySettings
from imagemill.jobs.settings import JobsSettings
from imagemill.notifier.settings import NotifierSettings
from imagemill.queue.settings import QueueSettings
from imagemill.storage.settings import StorageSettings
from imagemill.telemetry.settings import MetricsSettings, TelemetrySettings
from imagemill.tls import TlsSettings
from imagemill.uploads.settings import UploadsSettings
from imagemill.users.key_settings import KeysSettings
from imagemill.users.settings import UsersSettings
from imagemill.worker.settings import WorkerSettings

PREFIX: Final = "IMAGEMILL_"
NAMES: Final[Mapping[str, str]] = {
    "SANDBOX": "sandbox.mode",
    "WORKER_CONCURRENCY": "sandbox.children",
    "MAX_RETRIES": "jobs.max_retries",
    "JOB_TIMEOUT": "jobs.timeout_s",
    "REDIS_URL": "gateway.redis_url",
    "NATS_URL": "queue.url",
    "RABBITMQ_URL": "queue.url",
    "MINIO_ACCESS_KEY": "storage.access_key",
    "MINIO_SECRET_KEY": "storage.secret_key",
    "BUCKET_NAME": "storage.results_bucket",
    "KAFKA_URL": "queue.url",
}
"""Short environment names, without the prefix, and the settings that they stand for."""
_FOR_OTHERS: Final = frozenset(
    {
        *("IMAGEMILL_TEST_CORPUS", "IMAGEMILL_TEST_PICTURES", "IMAGEMILL_TEST_ATTACKS"),
        *("IMAGEMILL_SERVER", "IMAGEMILL_KEY"),  # The command line as a client.
    }
)
_BENCH: Final = "IMAGEMILL_BENCH_"
ADMIN_KEY: Final = "admin-key"
SERVICE_KEY: Final = "service-key"
TOKEN_KEYS: Final = "token-keys"  # noqa: S105 - a name
URL_KEYS: Final = "url-keys"
"""Files with the keys of an installation."""


class PeerSettings(BaseModel):
    """Where services answer that do not run in this process; empty for those that do.

    A service that runs several times has several addresses, with commas between.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: str = Field(
        "", description="Address of the users service, as `http://users:8000`; several with commas."
    )
    uploads: str = Field("", description="Address of the uploads service.")
    jobs: str = Field("", description="Address of the jobs service.")
    notifier: str = Field("", description="Address of the notifier, for webhooks and its health.")
    worker: str = Field("", description="Address of a worker, for its health only.")

    def addresses(self, service: str) -> tuple[str, ...]:
        """Give the addresses of a service; none where it runs in this process."""
        given: str = getattr(self, service)
        return tuple(each.strip().rstrip("/") for each in given.split(",") if each.strip())


class Settings(BaseModel):
    """All that can be set; every default is safe on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen at; loopback unless told.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen at; 0 takes a free one.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+)?$",
        description="Address under which people and programs reach the gateway, such as "
        "`https://images.example.com`; links that are sent out begin with it. Empty: the host and "
        "the port.",
    )
    data: Path = Field(Path("data"), description="Folder of databases, objects and generated keys.")
    durability: Literal["synced", "written"] = Field(
        "synced",
        description="What a promise survives: `synced` a power cut, `written` a crash of Imagemill "
        "only.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least important log lines that are written."
    )
    keys_folder: Path | None = Field(
        None,
        description="Folder with all keys, as `imagemill make-keys` fills it, the same for all "
        "processes; it may be read-only. Not set: the data folder, where the first start makes "
        "them.",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="Form of log lines: `json`, one object a line; `text`, for people; `auto`, "
        "text where they go to a terminal.",
    )
    admin_key_file: Path | None = Field(
        None,
        description="File with the first API key; `admin-key` in the folder of keys if not set.",
    )
    service_key_file: Path | None = Field(
        None,
        description="File with the secret by which services know each other, the same for all; "
        "`service-key` in the folder of keys if not set.",
    )
    fault: str = Field(
        "",
        description="Where a process fails on purpose, as `after_store:kill`; see "
        "[test what a crash does](../how-to/test-a-crash.md).",
    )
    test_faults: bool = Field(
        False, description="Whether `IMAGEMILL_FAULT` may be set; for tests, never for real work."
    )
    limits: Limits = Field(Limits(), description="What a picture may ask of the machine.")
    gateway: GatewaySettings = Field(GatewaySettings(), description="The gateway.")
    users: UsersSettings = Field(UsersSettings(), description="Accounts and logins.")
    keys: KeysSettings = Field(KeysSettings(), description="API keys.")
    audit: AuditSettings = Field(AuditSettings(), description="The log of who did what.")
    uploads: UploadsSettings = Field(
        UploadsSettings(), description="Retention and quota of originals."
    )
    jobs: JobsSettings = Field(JobsSettings(), description="Leases, time limits and tries.")
    notifier: NotifierSettings = Field(
        NotifierSettings(), description="Webhooks and other ways of telling what happened."
    )
    database: DatabaseSettings = Field(
        DatabaseSettings(), description="Where the services keep their rows."
    )
    storage: StorageSettings = Field(
        StorageSettings(), description="Where the bytes of originals and results lie."
    )
    queue: QueueSettings = Field(QueueSettings(), description="The queue that carries work.")
    worker: WorkerSettings = Field(WorkerSettings(), description="Workers.")
    sandbox: SandboxSettings = Field(
        default_factory=SandboxSettings, description="The child processes that touch pixels."
    )
    egress: EgressSettings = Field(
        EgressSettings(), description="Hosts that may be asked for images, and told of events."
    )
    breaker: BreakerSettings = Field(
        BreakerSettings(), description="Leaving alone what fails again and again."
    )
    tls: TlsSettings = Field(
        TlsSettings(), description="Certificates between services, and of the gateway."
    )
    metrics: MetricsSettings = Field(
        MetricsSettings(), description="Where each process answers Prometheus."
    )
    telemetry: TelemetrySettings = Field(TelemetrySettings(), description="Traces.")
    peers: PeerSettings = Field(PeerSettings(), description="Services in other processes.")

    def key_file(self, name: str) -> Path:
        """Tell where one of the keys lies."""
        given = {ADMIN_KEY: self.admin_key_file, SERVICE_KEY: self.service_key_file}
        return given.get(name) or (self.keys_folder or self.data) / name

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **flags: Any) -> Self:  # noqa: ANN401 - any setting's value
        """Read the environment; `flags` (by path, such as `port=8001`) come before it.

        Raises `InvalidRequest` naming every variable that is unknown or wrong.
        """
        given = {name: value for name, (value, _) in given_settings(environ, **flags).items()}
        try:
            return cls.model_validate(_nested(given))
        except ValidationError as error:
            errors = [
                FieldError(".".join(str(part) for part in each["loc"]), problem_with(each))
                for each in error.errors(include_url=False)
            ]
            said = "; ".join(f"{each.field} {each.problem}" for each in errors)
            raise InvalidRequest(f"Settings are wrong: {said}", errors=errors) from error


def given_settings(
    environ: Mapping[str, str] | None = None,
    **flags: Any,  # noqa: ANN401 - any setting's value
) -> dict[str, tuple[Any, str]]:
    """Tell, by path, the value of each setting that is not its default, and where it was set."""
    known = {name_of(path): path for path in paths()}
    known |= {f"{PREFIX}{short}": path for short, path in NAMES.items()}
    in_files = frozenset(secrets())
    for short, path in NAMES.items():
        if f"{path}_file" in known.values():
            known[f"{PREFIX}{short}_FILE"] = f"{path}_file"
    files = {f"{name}_FILE": path for name, path in known.items() if path in in_files}
    environ = os.environ if environ is None else environ
    _refuse_two_values(environ, known | files)
    given: dict[str, tuple[Any, str]] = {}
    for name, value in environ.items():
        if name in known:
            given[known[name]] = (_without_unit(known[name], value), name)
        elif name in files:
            given[files[name]] = (_in_file(name, value, environ), name)
        elif name.startswith(PREFIX) and name not in _FOR_OTHERS and not name.startswith(_BENCH):
            raise _unknown(name, known)
    return given | {path: (value, "command line") for path, value in flags.items()}


def name_of(path: str) -> str:
    """Give the environment name of a setting's path."""
    return f"{PREFIX}{path.replace('.', '_').upper()}"


def paths(model: type[BaseModel] = Settings, at: str = "") -> Iterator[str]:
    """List the path of every setting, in the order of declaration."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from paths(inner, f"{at}{name}.")
        else:
            yield f"{at}{name}"


def secrets() -> Iterator[str]:
    """List the path of every secret that may be given by file and has no setting for that."""
    every = set(paths())
    return (path for path in _secrets(Settings, "") if f"{path}_file" not in every)


def _secrets(model: type[BaseModel], at: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if inner is SecretStr:
            yield f"{at}{name}"
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _secrets(inner, f"{at}{name}.")


def _in_file(name: str, path: str, environ: Mapping[str, str]) -> str:
    """Read a secret; whatever is wrong, the file is named and nothing of what it holds."""
    if environ.get(name.removesuffix("_FILE")):
        raise InvalidRequest(f"{name.removesuffix('_FILE')} and {name} are both set; set one.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The file {path!r} that {name} names cannot be read.") from error


def _refuse_two_values(environ: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Refuse two names of one setting that say different things: nobody knows which one is meant.

    The values are not shown, for they may be secrets.
    """
    seen: dict[str, str] = {}
    for name in (each for each in environ if each in known):
        first = seen.setdefault(known[name], name)
        if environ[first] != environ[name]:
            raise InvalidRequest(
                f"{first} and {name} are both set, to different values, and are one setting; "
                "set one."
            )


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in given.items():
        *folders, name = path.split(".")
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    return nested


def _without_unit(path: str, value: str) -> str:
    """Take `30s` for a setting in seconds."""
    return value.removesuffix("s") if path.endswith("_s") else value


def _unknown(name: str, known: Mapping[str, str]) -> InvalidRequest:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    return InvalidRequest(f"{name} is not a setting.{hint} `imagemill doctor` lists them all.")
