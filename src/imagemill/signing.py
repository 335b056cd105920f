"""URLs that open one thing for a while: signed with a key that can be replaced.

A signature covers the method, the path, what else the query says and the end of its time, by
HMAC-SHA256 with a key derived for URLs alone. The query names the key, so that old signatures hold
after a new key came.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from itsdangerous import Signer

from imagemill.errors import SignatureInvalid

_SALT: Final = "imagemill.url"
_OURS: Final = ("key", "expires", "signature")
LONGEST_S: Final = 7 * 86_400
"""Seconds for which a signature may hold; a week, as S3 has it."""


@dataclass(frozen=True, slots=True)
class UrlSigner:
    """Sign paths, and check what comes back."""

    keys: Mapping[str, bytes]
    """Every key that still opens something, by id, the newest first; at least 32 bytes each."""
    clock: Callable[[], float]
    """Tells seconds since 1970."""

    def sign(
        self, method: str, path: str, *, seconds: int, also: Mapping[str, str] | None = None
    ) -> str:
        """Give the path with a query that opens it for so many seconds, and not after.

        `also` are further parameters of the query, which the signature covers.
        """
        key_id = next(iter(self.keys))
        expires = int(self.clock()) + seconds
        query = {**(also or {}), "key": key_id, "expires": str(expires)}
        signature = self._signature(method, path, query)
        return f"{path}?{urlencode({**query, 'signature': signature})}"

    def check(self, method: str, path: str, query: Iterable[tuple[str, str]]) -> None:
        """Raise `SignatureInvalid` unless this very request was signed and its time is not over.

        HEAD may be asked with what was signed for GET.
        """
        given = list(query)
        shown = dict(given)
        if (
            len(shown) != len(given)
            or not set(_OURS) <= shown.keys()
            or shown["key"] not in self.keys
        ):
            raise _invalid()
        signature = shown.pop("signature")
        wanted = self._signature("GET" if method == "HEAD" else method, path, shown)
        if not _same(signature, wanted):
            raise _invalid()
        if int(shown["expires"]) <= self.clock():
            raise SignatureInvalid("The signature of this URL is out of date; ask for a new one.")

    def _signature(self, method: str, path: str, query: Mapping[str, str]) -> str:
        told = "\n".join([method, path, urlencode(sorted(query.items()))])
        return self._signer(query["key"]).get_signature(told).decode()

    def _signer(self, key_id: str) -> Signer:
        return Signer(
            self.keys[key_id], salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256
        )


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _invalid() -> SignatureInvalid:
    return SignatureInvalid("The signature of this URL does not fit it; ask for a new one.")
