"""The scripts that pages show for browsers, run as they stand there by node."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.api import API, good
from tests.acceptance.system import System
from tests.peers.programs import node_modules, program

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
_BLOCK = re.compile(r"^```js\n(.*?)^```", re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.may_skip("without node no script can be run")


def ran(page: str, folder: Path, *lines: str) -> str:
    """Run lines beside the module that a page shows; gives what they wrote."""
    text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
    (folder / "shown.mjs").write_text("".join(_BLOCK.findall(text)), encoding="utf-8")
    (folder / "node_modules").symlink_to(node_modules())
    head = ("import { readFileSync } from 'node:fs'", "import { send } from './shown.mjs'")
    (folder / "run.mjs").write_text("\n".join([*head, *lines]), encoding="utf-8")
    done = subprocess.run(
        [program("node"), "run.mjs"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_script_for_signed_urls_sends_a_picture(api: API, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo)
    signed = good(api.post("/api/v1/uploads/presign", json={"content_type": "image/jpeg"}))

    ran(
        "presigned-uploads",
        tmp_path,
        f"await send(new Blob([readFileSync('photo.jpg')]), {json.dumps(signed)})",
    )

    image = good(api.post(f"/api/v1/uploads/{signed['upload_id']}/complete"))
    assert image["sha256"] == hashlib.sha256(photo).hexdigest()


def test_the_script_for_resumable_uploads_sends_a_picture_and_tells_its_id(
    system: System, api: API, photo: bytes, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo)

    image_id = ran(
        "resumable-uploads",
        tmp_path,
        f"console.log(await send(readFileSync('photo.jpg'), '{system.url}', '{system.key}'))",
    )

    image = good(api.get(f"/api/v1/images/{image_id}"))
    assert image["sha256"] == hashlib.sha256(photo).hexdigest()
