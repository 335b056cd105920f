"""Requests to S3 that carry their signature in the URL, by AWS Signature Version 4.

obstore signs URLs too, but neither headers nor queries of one's own, so its URLs cannot hold a PUT
to a type or a length, nor list and abort multipart uploads. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
LONGEST_S: Final = 7 * 24 * 3600
"""No URL holds longer; S3 refuses one that says so."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs, and for which region."""

    access_key: str
    secret_key: SecretStr
    region: str
    session_token: SecretStr | None = None
    """Comes with keys that are valid for some hours only; their URLs end with them."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is to be signed."""

    method: str
    url: str
    """Scheme, host and path, not quoted: `https://s3.example.com/bucket/key`."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the request has to carry as they stand here; names in lower case."""


def signed(call: Call, keys: Keys, *, at: float, seconds: int) -> str:
    """Give the URL that makes this call for `seconds` after `at` (since 1970, UTC)."""
    when = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{when[:8]}/{keys.region}/s3/aws4_request"
    parts = urlsplit(call.url)
    headers = {"host": parts.netloc, **call.headers}
    query = {
        **call.query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": when,
        "X-Amz-Expires": str(min(seconds, LONGEST_S)),
        "X-Amz-SignedHeaders": ";".join(sorted(headers)),
    }
    if keys.session_token:
        query["X-Amz-Security-Token"] = keys.session_token.get_secret_value()
    path, line = quote(parts.path or "/", safe="/~"), _query(query)
    said = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    names = query["X-Amz-SignedHeaders"]
    request = f"{call.method}\n{path}\n{line}\n{said}\n{names}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _hmac(_day_key(keys, when[:8]), f"{_ALGORITHM}\n{when}\n{scope}\n{digest}").hex()
    return f"{parts.scheme}://{parts.netloc}{path}?{line}&X-Amz-Signature={signature}"


def _query(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _day_key(keys: Keys, day: str) -> bytes:
    key = f"AWS4{keys.secret_key.get_secret_value()}".encode()
    for part in (day, keys.region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, said: str) -> bytes:
    return hmac.new(key, said.encode(), hashlib.sha256).digest()
