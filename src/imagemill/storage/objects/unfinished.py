"""What obstore cannot ask of S3: making buckets, and finding uploads that nobody goes on with."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

import httpx2

from imagemill.errors import Unavailable
from imagemill.storage import Bucket
from imagemill.storage.objects.refusals import Refusal, said
from imagemill.storage.objects.sigv4 import Call, Keys, signed

_HOLDS_S: Final = 60
_UPLOAD: Final = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)
_MADE_ALREADY: Final = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_DEFAULT_REGION: Final = "us-east-1"
"""AWS makes buckets here unless the request says where, and refuses one that says here."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts that has not been completed."""

    path: str
    upload_id: str
    begun_at: float
    """Seconds since 1970, UTC."""


class S3Requests:
    """Requests to S3, each signed on its own."""

    def __init__(
        self,
        addresses: Mapping[Bucket, str],
        keys: Keys,
        *,
        certificates: str,
        timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        """Ask buckets at these addresses; `certificates` (PEM) are trusted besides the usual."""
        self._addresses = addresses
        self._keys = keys
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None

    async def make(self, bucket: Bucket) -> None:
        """Make a bucket; one that is there is left as it is."""
        region = self._keys.region
        place = f"<LocationConstraint>{region}</LocationConstraint>"
        wanted = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>"
        body = b"" if region == _DEFAULT_REGION else wanted.encode()
        await self._ask("PUT", bucket, content=body, may_be=_MADE_ALREADY)

    async def abort_older(self, bucket: Bucket, prefix: str, before: float) -> int:
        """Abort uploads below `prefix` that got no part since then; tell how many there were."""
        listed = await self._ask("GET", bucket, query={"uploads": "", "prefix": prefix})
        aborted = 0
        for each in map(_unfinished, _UPLOAD.findall(listed)):
            if each.begun_at < before and await self._last_part_at(bucket, each) < before:
                query = {"uploadId": each.upload_id}
                await self._ask("DELETE", bucket, each.path, query=query, may_be=("NoSuchUpload",))
                aborted += 1
        return aborted

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _last_part_at(self, bucket: Bucket, upload: Unfinished) -> float:
        query = {"uploadId": upload.upload_id}
        listed = await self._ask("GET", bucket, upload.path, query=query, may_be=("NoSuchUpload",))
        times = re.findall(r"<LastModified>([^<]+)</LastModified>", listed)
        return max(map(_seconds, times), default=upload.begun_at)

    async def _ask(
        self,
        method: str,
        bucket: Bucket,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        may_be: tuple[str, ...] = (),
    ) -> str:
        """Give the answer's text; codes of `may_be` are no error."""
        url = f"{self._addresses[bucket]}/{path}"
        call = Call(method, url, query or {})
        address = signed(call, self._keys, at=self._clock(), seconds=_HOLDS_S)
        try:
            answer = await self._opened().request(method, address, content=content)
        except httpx2.HTTPError as error:
            raise Unavailable(said(Refusal.ILL, ""), retry_after_s=10) from error
        code = _text(answer.text, "Code")
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES and code not in may_be:
            kind = Refusal.DENIED if answer.status_code == HTTPStatus.FORBIDDEN else Refusal.ILL
            raise Unavailable(said(kind, code), retry_after_s=10)
        return answer.text

    def _opened(self) -> httpx2.AsyncClient:
        """Give the client; most processes never need it, and its certificates take 30 ms."""
        if self._client is None:
            trusted = ssl.create_default_context()
            if self._certificates:
                trusted.load_verify_locations(cadata=self._certificates)
            # The environment's proxies count, as they do for obstore.
            self._client = httpx2.AsyncClient(verify=trusted, timeout=self._timeout_s)
        return self._client


def _unfinished(listed: str) -> Unfinished:
    begun = _seconds(_text(listed, "Initiated"))
    return Unfinished(_text(listed, "Key"), _text(listed, "UploadId"), begun)


def _text(listed: str, name: str) -> str:
    """Read one element; keys are made by Imagemill and have nothing in them that is escaped."""
    found = re.search(f"<{name}>([^<]*)</{name}>", listed)
    return found[1] if found else ""


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
