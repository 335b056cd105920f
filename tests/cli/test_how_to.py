"""The pages that show how: their commands run as they stand there, one after the other."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import IMAGEMILL, Server, draw, made, surroundings

PAGE_S = 110
"""A page's commands together; each of them starts a program of its own."""
pytestmark = [pytest.mark.server, pytest.mark.timeout(PAGE_S + 10)]

SHOWN = {
    "accounts": (
        "admin  root@example.com  admin  ready",
        '"email":"ada@example.com","email_confirmed":true',
        "401\n",
        '"quiet":{"start":"22:00","end":"07:00","time_zone":"Europe/Berlin"}',
        "  ada@example.com  user  disabled",
        "204\n",
        "Access tokens are signed with the key ",
    ),
    "api-keys": (
        '"name":"nightly","prefix":"im_',
        "  website  ",
        '"scopes":["jobs:read"]',
        '"total":{"jobs":0',
        ": revoked",
    ),
    "audit-log": (": revoked", '"action":"key.revoked"', '"next":'),
    "backup": ("Backed up into saved", "saved is whole", "Restored into restored"),
    "batches": (
        ": completed, 2 items: 2 completed",
        "  completed  ",
        '"status":"completed"',
        "event: batch.completed",
        ": failed, 1 item: 1 failed",
        "not everything was completed",
        ": cancelled, 1 item: 1 cancelled",
    ),
    "dead-letters": (
        "  waiting  timeout  pipeline  ",
        "pipeline failed: timeout",
        "it failed again, since nothing was changed",
        "refused, since it was replayed",
        "idempotency-replayed: true",
        '"decided":[],"more":false',
        '"oldest_s":',
    ),
    "simple-routes": ('"status":"COMPLETED"', '"width":'),
    "fetch-from-urls": ('"status":"failed"', '"code":"url_not_allowed"'),
    "deliver": (
        "read by link: 200",
        "read by anybody: 200",
        "a part: 206",
        "accept-ranges: bytes",
        "x-content-type-options: nosniff",
    ),
    "find-images": (
        '"tags":["harbour","summer"],"metadata":{"project":"atlas","seen":"yes"}',
        '"next":null',
        "harbour, summer  Harbour at noon.jpg",
    ),
    "move-to-a-cluster": (
        "Nothing stands in the way; rehearsal was not changed",
        "rows and objects are the same at both ends",
        "Keys in moved: admin-key, service-key",
        "Nothing to do: all was moved at",
    ),
    "mail-sms-push": ("no gateway for mail", '{"notifications":[],"next":null}'),
    "try-again": ("HTTP/1.1 201", "idempotency-replayed: true"),
    "rate-limits": ("ratelimit-limit: 1000", "ratelimit-policy: 1000;w=60, 50;w=1"),
    "presets": (
        '"name":"card","version":1',
        '"status":"completed"',
        "preset card: version 2",
        "preset thumb: version 2",
    ),
    "presigned-uploads": ('"method":"PUT"', '"format":"jpeg"'),
    "resumable-uploads": (
        "HTTP/1.1 201",
        "upload-offset: 1000",
        "imagemill-image-id: ",
    ),
    "run-several": (
        "keys/service-key: made",
        "Access tokens are signed with the key ",
        " in 600 s.",
    ),
    "settings-of-a-key": (
        '"max_retries":2,"timeout_s":30.0',
        '"max_retries":null,"timeout_s":30.0',
        '"max_retries":null,"timeout_s":null',
    ),
    "webhooks": (
        ": delivered in ",
        "told of webhook.ping",
        "told of job.completed",
        '"status":"queued"',
        "  job.completed  delivered  ",
        "0 to be delivered again",
    ),
    "watch-it": ('tasks_queued_total{topic="jobs"} 0.0', '"status":"ok"'),
    "wait-or-follow": ('"status":"completed"', "event: job.completed", '"status":"cancelled"'),
}
"""Words that each page's commands must have written."""
MADE = {
    "wait-or-follow": {"small.webp": ("WEBP", (400, 300))},
    "deliver": {"small.jpg": ("JPEG", (400, 300)), "shown.jpg": ("JPEG", (400, 300))},
}
"""Pictures that a page's commands must have made."""
_BLOCK = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))
    if _BLOCK.search(page.read_text(encoding="utf-8"))
]


def run(page: Path, server: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's commands in one shell that stops at the first failure."""
    blocks = "".join(_BLOCK.findall(page.read_text(encoding="utf-8")))
    here = blocks.replace("http://127.0.0.1:8000", server.address)
    here = here.replace("127.0.0.1:9000", f"127.0.0.1:{server.receiver_port}")
    program = f'imagemill() {{ {shlex.join(IMAGEMILL)} "$@"; }}\n'
    program += f'python3() {{ exec {sys.executable} "$@"; }}\n'
    program += "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + here],
        cwd=folder,
        env=surroundings()
        | {"IMAGEMILL_DATA": str(server.data), "IMAGEMILL_SERVER": server.address},
        capture_output=True,
        text=True,
        timeout=PAGE_S,
        check=False,
    )


@pytest.mark.may_skip("where curl is not installed, its commands cannot be tried")
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(page: Path, server: Server, tmp_path: Path) -> None:
    # A picture of its own: the server keeps the same bytes once, and says so to the next page.
    draw(tmp_path / "photo.jpg", (2000, 1500), f"hsl({PAGES.index(page) * 25}, 60%, 50%)")

    done = run(page, server, tmp_path)

    assert done.returncode == 0, done.stderr
    assert [word for word in SHOWN.get(page.stem, ()) if word not in done.stdout] == []
    pictures = MADE.get(page.stem, {})
    assert {name: made(tmp_path / name) for name in pictures} == pictures
