"""What the peers need, installed into one folder of their own and nowhere else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
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

PROFILER = Environment("profiler", ("py-spy==0.4.3",), ("py-spy",))


def install(tools: Path) -> None:
    """Install every peer that is not there yet; needs the package registries, once."""
    tools.mkdir(parents=True, exist_ok=True)
    for environment in (CELERY, ARQ, THUMBOR, PROFILER):
        if not python_of(tools, environment).exists():
            _install_python(tools / environment.name, environment.packages)
    if not node_modules(tools).exists() and shutil.which("npm"):
        _install_node(node_modules(tools).parent)


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


def node() -> str:
    """Find node; raise `NotInstalled` when it is not there."""
    return _found("node", "apt-get install nodejs npm")


def node_modules(tools: Path) -> Path:
    """Name the folder that `require` looks into."""
    return tools / "bullmq" / "node_modules"


def node_versions(tools: Path) -> str:
    """Name the versions of node and its packages; raise `NotInstalled` when one is not there."""
    shown = [f"node {_output([node(), '--version']).strip()}"]
    for package in _NODE_PACKAGES:
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


def _install_python(folder: Path, packages: Sequence[str]) -> None:
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--python", sys.executable, folder])
        _run([uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages])
        return
    _run([sys.executable, "-m", "venv", folder])
    _run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages])


def _install_node(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    packages = [f"{name}@{version}" for name, version in _NODE_PACKAGES.items()]
    quiet = ["--silent", "--no-audit", "--no-fund"]
    _run(["npm", "install", *quiet, "--prefix", folder, *packages])


def _run(argv: Sequence[str | Path]) -> None:
    subprocess.run(argv, check=True)


def _output(argv: Sequence[str | Path]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
