"""Resumable uploads, with the protocol's own client and with kills."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from tests.acceptance import pictures, raw
from tests.acceptance.api import API, good, problem
from tests.acceptance.cutting import cutting
from tests.acceptance.system import System, eventually, started
from tests.peers.programs import node_modules, program

TUS = "/api/v1/uploads/tus"
VERSION = {"tus-resumable": "1.0.0"}
CHUNK = {**VERSION, "content-type": "application/offset+octet-stream"}
SCRIPT = Path(__file__).with_name("tus_upload.mjs")
CUTS = 10
MORE = 3_000_000


def noise(width: int, height: int) -> bytes:
    """Draw an uncompressed TIFF of three bytes a pixel."""
    levels = np.random.default_rng().integers(0, 256, (height, width, 3), dtype=np.uint8)
    return pictures.written(Image.fromarray(levels), "TIFF")


@pytest.mark.may_skip("without node there is no tus-js-client")
def test_the_official_client_uploads_40_mb_over_a_line_that_is_cut_ten_times(
    system: System, api: API, tmp_path: Path
) -> None:
    picture = noise(4000, 3400)
    file = tmp_path / "noise.tiff"
    file.write_bytes(picture)
    command = [program("node"), str(SCRIPT), str(node_modules())]

    with cutting(system.port, after_bytes=3_000_000, times=CUTS) as line:
        endpoint = f"http://127.0.0.1:{line.port}{TUS}"
        done = subprocess.run(
            [*command, endpoint, system.key, str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    image = good(api.get(f"/api/v1/images/{told['imageId']}"))
    assert image["sha256"] == hashlib.sha256(picture).hexdigest()
    assert (image["name"], image["size_bytes"]) == ("noise.tiff", len(picture))
    assert line.cuts == CUTS
    assert told["tries"] >= CUTS
    assert line.passed_bytes < len(picture) * 1.2


def test_what_arrived_is_kept_when_the_server_is_killed_or_stopped(tmp_path: Path) -> None:
    picture = noise(2400, 1800)
    with started(tmp_path / "data") as system, API(system) as api:
        path = begun(api, len(picture))
        with raw.begun(system, head(system, path, picture, 0), picture[:-100_000]):
            eventually(lambda: chunks(system))
            system.kill()

    with started(tmp_path / "data") as system, API(system) as api:
        after_kill = offset(api, path)
        left_behind = drafts(system)
        begin = head(system, path, picture, after_kill)
        with raw.begun(system, begin, picture[after_kill : after_kill + MORE]):
            eventually(lambda: drafts(system) - left_behind)
            ended = system.stop()

    with started(tmp_path / "data") as system, API(system) as api:
        after_stop = offset(api, path)
        rest = {**CHUNK, "upload-offset": str(after_stop)}
        last = api.patch(path, content=picture[after_stop:], headers=rest)
        image = good(api.get(f"/api/v1/images/{last.headers['imagemill-image-id']}"))

    assert (after_kill, ended) == (8 << 20, 0)
    assert after_kill < after_stop <= after_kill + MORE
    assert image["sha256"] == hashlib.sha256(picture).hexdigest()


def head(system: System, path: str, picture: bytes, at: int) -> bytes:
    """Write the head of a request that sends the rest of a picture."""
    kind = f"content-type: {CHUNK['content-type']}"
    left = f"content-length: {len(picture) - at}"
    more = ("tus-resumable: 1.0.0", f"upload-offset: {at}", kind, left)
    return raw.head(system, "PATCH", path, *more)


def offset(api: API, path: str) -> int:
    return int(api.head(path, headers=VERSION).headers["upload-offset"])


def drafts(system: System) -> set[Path]:
    return {*(system.data / "objects/originals/uploads").rglob(".draft-*")}


def chunks(system: System) -> list[Path]:
    found = (system.data / "objects/originals/uploads").rglob("*")
    return [each for each in found if each.is_file() and not each.name.startswith(".")]


def begun(api: API, size: int) -> str:
    answer = api.post(TUS, headers={**VERSION, "upload-length": str(size)})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_a_refusal_of_the_protocol_comes_through_the_gateway_as_it_is(
    system: System, api: API
) -> None:
    path = begun(api, 5000)

    problem(api.patch(path, content=b"x", headers=VERSION), 415, "unsupported_body")
    unversioned = api.patch(path, content=b"x")
    problem(unversioned, 412, "unsupported_version")
    assert unversioned.headers["tus-version"] == "1.0.0"
    bad = {**CHUNK, "upload-offset": "0", "upload-checksum": "sha1 eHh4"}
    problem(api.patch(path, content=b"x", headers=bad), 460, "checksum_mismatch")
    with httpx2.Client(base_url=system.url, trust_env=False) as stranger:
        assert stranger.options(TUS).status_code == 401
        assert stranger.head(path, headers=VERSION).status_code == 401
    assert api.delete(path, headers=VERSION).status_code == 204
