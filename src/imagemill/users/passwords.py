"""Passwords: what one must be, and how one is checked without holding everything else up."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from pwdlib import PasswordHash

from imagemill.errors import FieldError, InvalidRequest, Unavailable

T = TypeVar("T")

SHORTEST: Final = 10
LONGEST: Final = 256
"""Characters; longer ones cost nothing to hash, but somewhere it must end."""
NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$KPCfYnQ8OdI2+bNtdufEOg"
    "$G3kfG9CeYbqgtDlFl9UAYQGQxZoZ3aSMYbbprHY66B4"
)
"""What the password for an account that is not there is compared with: the same work."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a password told."""

    is_right: bool
    fresh_hash: str | None = None
    """What to keep in the place of the hash, where it was made with less work than is due now."""


class Passwords:
    """Hash and check in a few threads; who comes when too many wait is sent away."""

    def __init__(
        self, hasher: PasswordHash, *, threads: int, waiting: int, nobody: str = NOBODY
    ) -> None:
        """Take the hasher, and a hash of nobody's password that costs as much as anybody's."""
        self._hasher = hasher
        self._nobody = nobody
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._room = threads + waiting

    async def hash(self, password: str) -> str:
        """Give what is kept of a password; raises `Unavailable` when too many wait."""
        return await self._work(lambda: self._hasher.hash(composed(password)))

    async def check(self, password: str, known: str | None) -> Checked:
        """Compare a password with what is kept; as long where nothing is kept.

        Raises `Unavailable` when too many wait.
        """
        is_right, fresh = await self._work(
            lambda: self._hasher.verify_and_update(composed(password), known or self._nobody)
        )
        return Checked(is_right and known is not None, fresh)

    async def close(self) -> None:
        """Drop who waits, and end the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self, work: Callable[[], T]) -> T:
        if not self._room:
            raise Unavailable(
                "Too many passwords are being checked at this moment; try again.", retry_after_s=2
            )
        self._room -= 1
        working = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Who goes away frees the place only when the thread is free.
        working.add_done_callback(self._leave)
        return await asyncio.shield(working)

    def _leave(self, _: asyncio.Future[T]) -> None:
        self._room += 1


def composed(password: str) -> str:
    """Give the form in which a password is hashed: keyboards differ in how they write a letter."""
    return unicodedata.normalize("NFKC", password)


def require_good(password: str, field: str = "password", *, unlike: str = "") -> None:
    """Raise `InvalidRequest` for a password that is too short, too long, or the mail address."""
    if not SHORTEST <= len(composed(password)) <= LONGEST or len(password) > LONGEST:
        told = f"must have {SHORTEST} to {LONGEST} characters."
        raise InvalidRequest("The password cannot be used.", errors=[FieldError(field, told)])
    if unlike and password.casefold() == unlike.casefold():
        told = "must not be the mail address."
        raise InvalidRequest("The password cannot be used.", errors=[FieldError(field, told)])
