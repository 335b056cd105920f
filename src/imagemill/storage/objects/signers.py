"""Who signs the URLs that lead to an object store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import obstore

from imagemill.storage import Bucket, Wish
from imagemill.storage.objects.calls import Calls
from imagemill.storage.objects.refusals import translated
from imagemill.storage.objects.sigv4 import Call, Keys, signed
from imagemill.storage.objects.stores import OpenStore

_AS_A_FILE: Final = {
    "response-content-type": "application/octet-stream",
    "response-content-disposition": "attachment",
}
"""What S3 is to say of an object, so that nothing that was uploaded is shown as a page."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A URL, and the headers that a request to it has to carry."""

    url: str
    headers: Mapping[str, str]


class URLs(Protocol):
    """Signs URLs for objects, each for one method."""

    async def sign(self, bucket: Bucket, path: str, wish: Wish) -> Signature:
        """Sign a URL; raises `Unavailable` where there is no credential to sign with."""
        ...


@dataclass(frozen=True, slots=True)
class KeyURLs:
    """Sign with keys that are known here, so that a PUT is held to its type and length."""

    addresses: Mapping[Bucket, str]
    """Where clients reach each bucket."""
    keys: Keys
    put_headers: Mapping[str, str]
    """Headers of every PUT, as for encryption."""
    clock: Callable[[], float]

    async def sign(self, bucket: Bucket, path: str, wish: Wish) -> Signature:
        """Sign a URL of S3. A length is signed and not told: clients send it by themselves."""
        url = f"{self.addresses[bucket]}/{path}"
        now = int(self.clock())
        if wish.method == "GET":
            call = Call("GET", url, _AS_A_FILE)
            return Signature(signed(call, self.keys, at=now, seconds=wish.seconds), {})
        headers = dict(self.put_headers)
        if wish.content_type:
            headers["content-type"] = wish.content_type
        length = {} if wish.size_bytes is None else {"content-length": str(wish.size_bytes)}
        call = Call("PUT", url, headers={**headers, **length})
        return Signature(signed(call, self.keys, at=now, seconds=wish.seconds), headers)


@dataclass(frozen=True, slots=True)
class StoreURLs:
    """Let obstore sign, with credentials that it alone knows: they open, and hold to nothing."""

    stores: Mapping[Bucket, OpenStore]
    """Stores whose addresses are those that clients reach."""
    put_headers: Mapping[str, str]
    calls: Calls

    async def sign(self, bucket: Bucket, path: str, wish: Wish) -> Signature:
        """Sign a URL. The type is told to the client and not part of what is signed."""
        lasting = timedelta(seconds=wish.seconds)
        with translated():
            call = obstore.sign_async(self.stores[bucket], wish.method, path, lasting)
            url = await self.calls.make(call)
        typed = {"content-type": wish.content_type} if wish.content_type else {}
        return Signature(url, {**self.put_headers, **typed} if wish.method == "PUT" else {})
