"""An nginx of one test, with the configuration that a page of the documentation shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.peers.programs import program

PAGES = Path(__file__).parents[2] / "docs/how-to"
_BLOCK = re.compile(r"^```nginx\n(.*?)^```", re.DOTALL | re.MULTILINE)
_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{config}
}}
"""


def configuration(page: str, folder: Path, places: Mapping[str, str]) -> Path:
    """Write the configuration of a page, with the places of this test instead of those shown."""
    shown = _BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    assert len(shown) == 1
    config = shown[0]
    for there, here in places.items():
        assert there in config, there
        config = config.replace(there, here)
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(folder=folder, config=config), encoding="utf-8")
    return path


@contextmanager
def nginx(folder: Path, config: Path) -> Iterator[None]:
    """Run it for a block; skip the test where it is not installed."""
    command = [program("nginx"), "-e", str(folder / "error.log"), "-p", str(folder)]
    with subprocess.Popen([*command, "-c", str(config)]) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)
