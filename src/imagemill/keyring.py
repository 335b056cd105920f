"""Rings of keys that can be replaced: a new one signs, older ones check until their time is over.

A ring is one file that only its owner can read. Every process of an installation may hold it open
at once: the first that needs it makes it, and all of them see a new key at their next look.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from imagemill.errors import Unavailable

_BYTES: Final = 32
"""Bytes of a key: enough for HMAC-SHA256, and exactly what an Ed25519 key is made of."""
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Kind:
    """What the keys of a ring are for."""

    name: str
    """Stands in the file, so that one ring is not taken for another."""
    checks_s: int
    """Seconds for which a key that was replaced still checks what it signed before."""


URLS: Final = Kind("urls", 8 * 86_400)
"""Keys of signed URLs, which open something for a week at most; a day more for clocks."""
TOKENS: Final = Kind("tokens", 2 * 3_600)
"""Keys of access tokens, which hold for an hour at most."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of a ring."""

    id: str
    """Names the key in whatever it signs; says nothing about it."""
    secret: bytes
    made_at: float
    """Seconds since 1970; it signs from then on."""


class KeyRing:
    """The keys in one file."""

    def __init__(
        self,
        path: Path,
        kind: Kind,
        clock: Callable[[], float] = time.time,
        *,
        is_made_here: bool = True,
    ) -> None:
        """Name the file; `clock` tells seconds.

        It is made when a key is first asked for, unless somebody else makes it.
        """
        self._path = path
        self._kind = kind
        self._clock = clock
        self._is_made_here = is_made_here
        self._seen: tuple[tuple[int, int], tuple[RingKey, ...]] | None = None

    @property
    def current(self) -> RingKey:
        """Give the key that signs; raises `Unavailable` when the file cannot be read or made."""
        return in_order(self._keys(), self._clock())[0]

    def all(self) -> Mapping[str, bytes]:
        """Give every key that checks something, by id, the one that signs first.

        Raises `Unavailable` when the file can be neither read nor made.
        """
        now = self._clock()
        keys = in_order(kept(self._keys(), now - self._kind.checks_s), now)
        return {each.id: each.secret for each in keys}

    def live(self) -> Mapping[str, bytes]:
        """Give what `all` gives, looked up anew at each use, for whoever holds it for long."""
        return _Live(self)

    def rotate(self, now: float, after_s: float = 0.0) -> RingKey:
        """Put a new key in front, drop those whose time is over, and give the new one.

        It checks at once and signs after so many seconds, in which the file may travel. Raises
        `Unavailable` when the file cannot be written.
        """
        self._keys()
        try:
            with self._locked() as keys:
                new = _new_key(now + after_s)
                self._replace((new, *kept(keys, now - self._kind.checks_s)))
        except OSError as error:
            raise self._unusable("cannot be written") from error
        return new

    def _keys(self) -> tuple[RingKey, ...]:
        """Read the file where it changed since the last look; make it where there is none."""
        try:
            found = _stamp(self._path)
            if found is None:
                if not self._is_made_here:
                    raise self._unusable("is not there")
                self._make()
                found = _stamp(self._path)
            if self._seen is None or self._seen[0] != found:
                assert found is not None
                self._seen = (found, self._parsed(self._path.read_bytes()))
        except OSError as error:
            raise self._unusable("can be neither read nor made") from error
        return self._seen[1]

    def _make(self) -> None:
        """Link a file that is whole, so that of several processes one makes it for all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._draft((_new_key(self._clock()),))
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return
        finally:
            draft.unlink()

    @contextmanager
    def _locked(self) -> Iterator[tuple[RingKey, ...]]:
        """Hold the file that has the name now, and give what is in it."""
        while True:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_named(file, self._path):
                    yield self._parsed(file.read())
                    return

    def _replace(self, keys: tuple[RingKey, ...]) -> None:
        self._draft(keys).rename(self._path)

    def _draft(self, keys: tuple[RingKey, ...]) -> Path:
        """Write a whole ring beside the one that counts, durably."""
        draft = self._path.with_name(f".{self._path.name}-{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"kind": self._kind.name, "keys": [_row(each) for each in keys]}, file)
            file.flush()
            os.fsync(file.fileno())
        return draft

    def _parsed(self, content: bytes) -> tuple[RingKey, ...]:
        try:
            told = json.loads(content)
            keys = tuple(_key(each) for each in told["keys"])
            is_ours = told["kind"] == self._kind.name
        except (ValueError, KeyError, TypeError) as error:
            raise self._unusable("is damaged") from error
        if not is_ours or not keys or any(len(each.secret) != _BYTES for each in keys):
            raise self._unusable(f"holds no keys for {self._kind.name}")
        return keys

    def _unusable(self, how: str) -> Unavailable:
        return Unavailable(f"The key file {self._path.name} {how}.")


class _Live(Mapping[str, bytes]):
    """The keys of a ring as they are now."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def __getitem__(self, key_id: str) -> bytes:
        return self._ring.all()[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ring.all())

    def __len__(self) -> int:
        return len(self._ring.all())


def kept(keys: tuple[RingKey, ...], replaced_before: float) -> tuple[RingKey, ...]:
    """Drop the keys that were replaced before a time; the one that signs always stays.

    A key was replaced when the one in front of it was made.
    """
    successors = zip(keys[1:], keys, strict=False)
    return keys[:1] + tuple(old for old, new in successors if new.made_at > replaced_before)


def in_order(keys: tuple[RingKey, ...], now: float) -> tuple[RingKey, ...]:
    """Put the key that signs in front: the newest whose time has come, else the oldest."""
    signs = next((each for each in keys if each.made_at <= now), keys[-1])
    return (signs, *(each for each in keys if each is not signs))


def _new_key(now: float) -> RingKey:
    return RingKey(secrets.token_hex(_ID_BYTES), secrets.token_bytes(_BYTES), now)


def _row(key: RingKey) -> dict[str, Any]:
    secret = base64.b64encode(key.secret).decode()
    return {"id": key.id, "secret": secret, "made_at": key.made_at}


def _key(row: Mapping[str, Any]) -> RingKey:
    secret = base64.b64decode(row["secret"], validate=True)
    return RingKey(str(row["id"]), secret, float(row["made_at"]))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tell which file has the name, and how it was when it was written; None for none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _is_named(file: IO[bytes], path: Path) -> bool:
    return os.fstat(file.fileno()).st_ino == path.stat().st_ino
