"""What the peers need, installed into one folder of their own and nowhere else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.systems import NotInstalled

PEERS = Path(__file__).with_name("peers")
_NODE_PACKAGES = {"express": "5.3.0", "bullmq": "6.7.0", "ioredis": "6.0.0", "sharp": "0.35.5"}


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment with fixed versions, so that two runs measure the same peers."""

    name: str
    packages: Sequence[str]
    shown: Sequence[str]
    """The packages whose versions are printed with the results."""


CELERY = Environment(
    "celery",
    (
        "fastapi==0.165.0",
        "uvicorn==0.54.0",
        "uvloop",
        "httptools",
        "celery[redis]==5.7.0",
        "pillow==13.0.0",
    ),
    ("fastapi", "celery", "pillow", "redis"),
)
ARQ = Environment(
    "arq",
    (
        "fastapi==0.165.0",
        "uvicorn==0.54.0",
        "uvloop",
        "httptools",
        "arq==0.28.0",
        "pyvips==3.2.0",
        "pyvips-binary==8.18.7",
    ),
    ("fastapi", "arq", "pyvips", "pyvips-binary"),
)
THUMBOR = Environment("thumbor", ("thumbor==7.8.0",), ("thumbor", "tornado", "pillow"))

DRAMATIQ = Environment("dramatiq", ("dramatiq[redis]==2.2.1",), ("dramatiq", "redis"))
TASKIQ = Environment(
    "taskiq",
    ("taskiq==0.13.0", "taskiq-redis==1.2.4", "uvloop==0.23.0"),
    ("taskiq", "taskiq-redis", "redis"),
)
PROCRASTINATE = Environment(
    "procrastinate",
    ("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9"),
    ("procrastinate", "psycopg"),
)
HUEY = Environment("huey", ("huey==3.5.4",), ("huey",))

PROFILER = Environment("profiler", ("py-spy==0.4.3",), ("py-spy",))

PICTURE_PEERS = (CELERY, ARQ, THUMBOR, PROFILER)
"""What `python -m benchmarks` needs."""
NOOP_PEERS = (CELERY, DRAMATIQ, TASKIQ, PROCRASTINATE, HUEY, PROFILER)
"""What `python -m benchmarks.noop` needs."""


def install(tools: Path, environments: Sequence[Environment] = PICTURE_PEERS) -> None:
    """Install every peer that is not there yet; needs the package registries, once.

    One that cannot be had is left out, and what the installer says about it goes to stderr.
    """
    tools.mkdir(parents=True, exist_ok=True)
    for environment in environments:
        if not python_of(tools, environment).exists():
            _or_nothing(tools / environment.name, _install_python, environment.packages)
    if not node_modules(tools).exists() and shutil.which("npm"):
        packages = [f"{name}@{version}" for name, version in _NODE_PACKAGES.items()]
        _or_nothing(node_modules(tools).parent, _install_node, packages)


def python_of(tools: Path, environment: Environment) -> Path:
    """Name the interpreter of an environment."""
    return tools / environment.name / "bin" / "python"


def installed(tools: Path, environment: Environment) -> str:
    """Name the versions that are shown; raise `NotInstalled` when the environment is not there."""
    python = python_of(tools, environment)
    if not python.exists():
        raise NotInstalled(f"{environment.name} is missing; run without --no-install.")
    script = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    found = _output([python, "-c", script, *environment.shown]).split()
    return ", ".join(map(" ".join, zip(environment.shown, found, strict=True)))


def redis_server() -> str:
    """Find Debian's redis-server; raise `NotInstalled` when it is not there."""
    return _found("redis-server", "apt-get install redis-server")


def redis_version() -> str:
    """Name the version of redis-server; raise `NotInstalled` when it is not there."""
    words = _output([redis_server(), "--version"]).split()
    return f"redis-server {words[2].removeprefix('v=')}"


def postgres(program: str) -> Path:
    """Find a program of Debian's PostgreSQL server, the newest; raise `NotInstalled` if none."""
    found = shutil.which(program)
    if found is not None:
        return Path(found)
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    newest = max(versions, key=lambda each: int(each.parts[-3]), default=None)
    return newest or Path(_found(program, "apt-get install postgresql"))


def postgres_version() -> str:
    """Name the version of PostgreSQL; raise `NotInstalled` when it is not there."""
    return f"PostgreSQL {_output([postgres('postgres'), '--version']).split()[2]}"


def sqlite_version(python: Path) -> str:
    """Name the version of SQLite that an interpreter has."""
    script = "import sqlite3; print(sqlite3.sqlite_version)"
    return f"SQLite {_output([python, '-c', script]).strip()}"


def node() -> str:
    """Find node; raise `NotInstalled` when it is not there."""
    return _found("node", "apt-get install nodejs npm")


def node_modules(tools: Path) -> Path:
    """Name the folder that `require` looks into."""
    return tools / "bullmq" / "node_modules"


def node_versions(tools: Path, packages: Iterable[str] = _NODE_PACKAGES) -> str:
    """Name the versions of node and its packages; raise `NotInstalled` when one is not there."""
    shown = [f"node {_output([node(), '--version']).strip()}"]
    for package in packages:
        manifest = node_modules(tools) / package / "package.json"
        if not manifest.exists():
            raise NotInstalled(f"{package} is missing; run without --no-install.")
        shown.append(f"{package} {json.loads(manifest.read_text())['version']}")
    return ", ".join(shown)


def _found(program: str, remedy: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NotInstalled(f"{program} is missing; install it with `{remedy}`.")
    return found


def _or_nothing(
    folder: Path, install_into: Callable[[Path, Sequence[str]], None], packages: Sequence[str]
) -> None:
    """Install into a folder, and leave none behind where that fails: half a peer looks like one."""
    try:
        install_into(folder, packages)
    except subprocess.CalledProcessError:
        shutil.rmtree(folder, ignore_errors=True)
        sys.stderr.write(f"{folder.name} could not be installed\n")


def _install_python(folder: Path, packages: Sequence[str]) -> None:
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--python", sys.executable, folder])
        _run([uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages])
        return
    _run([sys.executable, "-m", "venv", folder])
    _run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages])


def _install_node(folder: Path, packages: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    quiet = ["--silent", "--no-audit", "--no-fund"]
    _run(["npm", "install", *quiet, "--prefix", folder, *packages])


def _run(argv: Sequence[str | Path]) -> None:
    subprocess.run(argv, check=True)


def _output(argv: Sequence[str | Path]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
