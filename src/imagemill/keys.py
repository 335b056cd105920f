"""Secrets that the first start makes and keeps in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from imagemill.errors import Unavailable

ADMIN_KEY_PREFIX: Final = "im_"
_BYTES: Final = 32


def read_or_make(path: Path, *, prefix: str = "") -> str:
    """Read a secret from its file, or make one there (mode 600) when there is none.

    Several processes may start at once: one of them makes it and all of them read it. A secret
    that is too short to be one, as of an empty file, is refused.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, f"{prefix}{secrets.token_urlsafe(_BYTES)}\n")
        secret = path.read_text().strip()
    except OSError as error:
        message = f"The key file {path.name} can be neither read nor made."
        raise Unavailable(message) from error
    if len(secret) < _BYTES:
        message = f"The key file {path.name} holds a key of under {_BYTES} characters; remove it."
        raise Unavailable(message)
    return secret


def _make(path: Path, text: str) -> None:
    """Write the file whole under another name, then link it, so that nobody reads half of it."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        draft.write_text(text)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
