"""A Dockerfile as a list of steps, and the steps of one stage carried out on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "deploy/Dockerfile"
_MOUNT: Final = re.compile(r"--mount=\S+\s+")
_HOME: Final = "/opt/imagemill"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, with the stage that it belongs to."""

    stage: str
    verb: str
    said: str
    """What follows the verb; continued lines are one."""


def steps() -> tuple[Step, ...]:
    """Read every instruction of the Dockerfile."""
    return tuple(_parsed(DOCKERFILE.read_text(encoding="utf-8")))


def replay(stage: str, folder: Path) -> Path:
    """Carry out a stage in a folder, and give the environment that it makes there.

    What comes from other images (uv) is this machine's; no step may need anything else of them.
    """
    home, work = folder / "imagemill", folder / "build"
    work.mkdir(parents=True)
    environ = {**os.environ, "PATH": f"{_uv().parent}{os.pathsep}{os.environ['PATH']}"}
    environ |= {"UV_PYTHON": _python(), "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    environ.pop("VIRTUAL_ENV", None)
    for step in (each for each in steps() if each.stage == stage):
        if step.verb == "ARG":
            name, _, value = step.said.partition("=")
            environ[name] = value.strip('"')
        elif step.verb == "COPY" and "--from" not in step.said:
            _copy(step.said.split(), work)
        elif step.verb == "RUN":
            _run(step.said.replace(_HOME, str(home)), work, environ)
    return home


def copied() -> frozenset[str]:
    """Name everything that a stage takes from the repository."""
    taken = (each.said.split()[:-1] for each in steps() if each.verb == "COPY")
    return frozenset(name for names in taken if "--from" not in names[0] for name in names)


def _parsed(text: str) -> Iterator[Step]:
    stage = ""
    whole = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", whole).splitlines():
        verb, _, said = line.strip().partition(" ")
        if verb == "FROM":
            stage = said.split()[-1]
        if verb:
            yield Step(stage, verb, said)


def _copy(names: list[str], work: Path) -> None:
    for name in names[:-1]:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, work / names[-1], ignore=ignored)
        else:
            shutil.copy(source, work)


def _run(said: str, work: Path, environ: Mapping[str, str]) -> None:
    command = ["sh", "-ec", _MOUNT.sub("", said)]
    done = subprocess.run(
        command, cwd=work, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{said}\n{done.stdout}{done.stderr}"


def _python() -> str:
    """Find the interpreter that this environment was made from."""
    return str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))


def _uv() -> Path:
    found = shutil.which("uv", path=f"{ROOT / '.tools/uv/bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("uv is not installed here; the Makefile installs it")
    return Path(found)
