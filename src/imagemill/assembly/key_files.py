"""Where the keys of an installation lie, who needs which, and how they are made for all at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from imagemill import keys
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.keyring import TOKENS, URLS, KeyRing, Kind
from imagemill.settings import ADMIN_KEY, SERVICE_KEY, TOKEN_KEYS, URL_KEYS, Settings

RINGS: Final[Mapping[str, Kind]] = {TOKEN_KEYS: TOKENS, URL_KEYS: URLS}
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (SERVICE_KEY,),
    "users": (SERVICE_KEY, ADMIN_KEY, TOKEN_KEYS),
    "uploads": (SERVICE_KEY, URL_KEYS),
    "jobs": (SERVICE_KEY, URL_KEYS),
    "worker": (SERVICE_KEY,),
    "notifier": (SERVICE_KEY, URL_KEYS),
}
"""What each process reads; it starts without the other files."""


def ring(settings: Settings, name: str) -> KeyRing:
    """Give the ring of keys of a name, which is made where the operator names no folder of keys."""
    is_made_here = settings.keys_folder is None
    return KeyRing(settings.key_file(name), RINGS[name], is_made_here=is_made_here)


def secret(settings: Settings, name: str) -> str:
    """Read a secret, which is made where nobody said where it lies."""
    prefix = keys.ADMIN_KEY_PREFIX if name == ADMIN_KEY else ""
    return keys.read_or_make(settings.key_file(name), prefix=prefix)


def lacking(settings: Settings, processes: Iterable[str]) -> dict[str, list[str]]:
    """Tell which of the files that these processes read are not there, and who needs each."""
    found: dict[str, list[str]] = {}
    for process in processes:
        for name in _NEEDS[process]:
            if not settings.key_file(name).is_file():
                found.setdefault(name, []).append(process)
    return found


def check(settings: Settings, processes: Iterable[str]) -> None:
    """Raise `InvalidRequest`, naming every key that lacks, where the operator keeps the keys.

    Else the first start makes them, so nothing lacks.
    """
    if settings.keys_folder is None:
        return
    if missing := lacking(settings, processes):
        told = "; ".join(f"{name} ({', '.join(who)})" for name, who in missing.items())
        raise InvalidRequest(
            f"The folder of keys {settings.keys_folder} lacks what is needed here: {told}. "
            f"`imagemill make-keys {settings.keys_folder}` makes what is not there."
        )


def make(folder: Path) -> list[str]:
    """Make the keys that a folder lacks; name them.

    Raises `Unavailable` when one cannot be written, or is there and none.
    """
    settings = Settings(keys_folder=folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The folder {folder} cannot be made ({error.strerror}).") from error
    made = [*lacking(settings, _NEEDS)]
    for name in (SERVICE_KEY, ADMIN_KEY):
        secret(settings, name)
    for name, kind in RINGS.items():
        _ = KeyRing(settings.key_file(name), kind).current
    return made


def rotate(settings: Settings, after_s: float) -> dict[str, str]:
    """Put new keys in front of those that sign access tokens and URLs; give their ids by file.

    They check at once and sign after so many seconds. Raises `Unavailable` when a file cannot be
    written.
    """
    return {name: ring(settings, name).rotate(time.time(), after_s).id for name in RINGS}
