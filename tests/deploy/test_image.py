"""The image: what its Dockerfile promises, and its build carried out without Docker."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.system import eventually, surroundings
from tests.deploy.checkov import complaints
from tests.deploy.dockerfile import DOCKERFILE, ROOT, Step, copied, replay, steps
from tests.peers.ports import free_port
from tests.peers.programs import program

USER = 10_001
"""Who runs the program in the image."""
_START_S = 40.0
"""For a machine that does much else; usual are two seconds, and some to compile what is loaded."""
_LOCKED_ROOT = """
mount --make-rprivate /
if [ -n "$3" ]; then  # An interpreter in a home folder, where nobody else may look.
  mkdir "$1/python" && mount --bind "$2" "$1/python"
  mount -t tmpfs tmpfs "$3" && mkdir -p "$2" && chmod 755 "$3" && mount --move "$1/python" "$2"
fi
mount --bind "$1" "$1"
mount -o remount,bind,ro /
data=$1
shift 3
exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --bounding-set=-all \
  "$@" --data "$data/data"
"""


def said(verb: str, stage: str) -> list[str]:
    return [each.said for each in steps() if (each.verb, each.stage) == (verb, stage)]


def ends(stages: tuple[str, ...] = ("imagemill", "all-formats")) -> list[tuple[str, list[Step]]]:
    return [(stage, [each for each in steps() if each.stage == stage]) for stage in stages]


def test_every_image_that_is_built_on_is_named_by_an_exact_version() -> None:
    stages = {each.stage for each in steps()}
    sources = [each.said.split()[0] for each in steps() if each.verb == "FROM"]

    outside = [each for each in sources if each not in stages or ":" in each]

    loose = [
        each for each in outside if not re.search(r":\d+\.\d+\.\d+[\w.-]*(@sha256:\w+)?$", each)
    ]
    assert loose == []


def test_the_uv_that_builds_is_the_one_that_wrote_the_lock() -> None:
    recipe = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))

    assert recipe is not None
    assert f"uv:{recipe[1]}" in DOCKERFILE.read_text(encoding="utf-8")


def test_what_is_built_runs_as_nobody_in_particular_and_needs_no_shell() -> None:
    lists = [*said("ENTRYPOINT", "bare"), *said("CMD", "bare"), *said("HEALTHCHECK", "bare")]

    assert [steps_of[-1].said for _, steps_of in ends()] == [f"{USER}:{USER}"] * 2
    assert all("[" in each and "sh -c" not in each for each in lists)


def test_what_is_built_says_what_it_is() -> None:
    for _, steps_of in ends():
        label = next(each.said for each in steps_of if each.verb == "LABEL")
        names = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", label))

        assert names == {"title", "description", "version", "revision", "licenses"}


def test_the_extras_are_those_that_servers_need() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = project.partition("[project.optional-dependencies]")[2].partition("\n\n")[0]
    names = set(re.findall(r"^(\w+) = ", extras, re.MULTILINE))

    installed = said("ARG", "builder")[0].partition("=")[2].strip('"').split()

    assert set(installed) == names - {"heic"}  # Its wheel carries x265: only `all-formats` has it.


def test_what_the_build_copies_is_let_through_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert lines[1] == "*"
    assert {each[1:] for each in lines if each.startswith("!")} == copied()


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_checkov_has_nothing_to_say_of_the_dockerfile() -> None:
    assert complaints(DOCKERFILE, "dockerfile") == []


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that everybody may look into, which those of pytest are not."""
    made = Path(tempfile.mkdtemp(prefix="imagemill-image-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def command(folder: Path, home: Path, port: int) -> list[str]:
    """Say how the program is run as the image runs it; all but `folder` is read-only for root."""
    serve = [str(home / "bin/imagemill"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    if os.geteuid() != 0:
        return [*serve, "--data", str(folder / "kept/data")]
    script = _LOCKED_ROOT.format(user=USER)
    inside = ["sh", "-ec", script, "sh", str(folder / "kept"), sys.base_prefix, closed(), *serve]
    return [program("unshare"), "--mount", *inside]


def closed() -> str:
    """Name the folder at the root that keeps others from the interpreter; empty where none does."""
    above = list(Path(sys.base_prefix).resolve().parents)
    return str(above[-2]) if any(not each.stat().st_mode & 0o001 for each in above) else ""


@contextlib.contextmanager
def running(folder: Path, home: Path) -> Iterator[httpx2.Client]:
    port, log = free_port(), folder / "log"
    kept = folder / "kept"
    (kept / "tmp").mkdir(parents=True)
    for each in (kept, kept / "tmp"):
        os.chown(each, *((USER, USER) if os.geteuid() == 0 else (-1, -1)))
    environ = {**surroundings(), "TMPDIR": str(kept / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    environ |= {"IMAGEMILL_SANDBOX": "required"}
    environ.pop("VIRTUAL_ENV", None)
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command(folder, home, port), stdout=out, stderr=out, env=environ, cwd="/"
        ) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client,
    ):
        try:
            eventually(
                lambda: "listens at" in log.read_text() or process.poll(),
                within_s=_START_S,
                what="the address",
            )
            assert process.poll() is None, log.read_text()
            key = (kept / "data/admin-key").read_text(encoding="utf-8").strip()
            client.headers["authorization"] = f"Bearer {key}"
            yield client
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.server
@pytest.mark.timeout(180)
def test_the_steps_of_the_build_give_a_program_that_works_where_it_may_write_nothing_else(
    folder: Path,
) -> None:
    home = replay("builder", folder)

    with running(folder, home) as client:
        answer = client.post(
            "/api/v1/resize?width=20&format=webp",
            content=pictures.jpeg(),
            headers={"prefer": "wait=20"},
        )

    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["format"] == "webp"
