"""Links that open one thing to whoever has them, for a while."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.identity import Identity
from imagemill.errors import FieldError, InvalidRequest
from imagemill.signing import LONGEST_S, UrlSigner
from imagemill.web import unknown_caller
from imagemill.web.delivery import OWNER, Audience, holders
from imagemill.web.openapi import Described, json_body, problem
from imagemill.web.reading import json_object, model_of
from imagemill.web.rights import SIGNATURE

OPENED_BY_SIGNATURE: Final[dict[str, Any]] = {
    "security": [{"key": []}, {"bearer": []}, {SIGNATURE: []}]
}
"""What a route that a signed URL opens says in the OpenAPI document."""
OPEN: Final[dict[str, Any]] = {"security": []}
"""What a route that anybody may ask says there."""
CONDITIONAL: Final[Described] = {
    206: {"description": "The range that `Range` asks for; several at once are answered whole."},
    412: problem("The file is another one than `If-Match` or `If-Unmodified-Since` means."),
    416: problem("There is no byte in the range that `Range` asks for."),
}
"""What a route that gives a file may answer besides."""
_NAME_DIGITS: Final = 40
_MOST_BYTES: Final = 1_000
"""Bytes of a request for a link."""


class LinkRequest(BaseModel):
    """How long a link is to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expires_in_s: int = Field(
        3600, ge=1, le=LONGEST_S, description="Seconds for which the link opens; a week at most."
    )


class Link(BaseModel):
    """A URL that opens one file to whoever has it, until its time is over."""

    model_config = ConfigDict(frozen=True)

    url: str = Field(description="To be read with GET or HEAD, as it stands.")
    expires_at: datetime


LINK: Final[dict[str, Any]] = {
    "response_model": Link,
    "responses": {413: problem("The body is longer than any that can be meant.")},
    "openapi_extra": json_body(LinkRequest),
}
"""What a route that makes a link says in the OpenAPI document; it knows `LinkRequest`."""


async def wanted_link(request: Request) -> LinkRequest:
    """Read how long a link is to hold; raises `InvalidRequest`."""
    given = await json_object(request, most_bytes=_MOST_BYTES)
    return model_of(LinkRequest, given, "The link cannot be made so.")


@dataclass(frozen=True, slots=True)
class FileLinks:
    """Make links to what a service delivers, and tell who comes with one."""

    base: str
    """What links begin with, such as `https://images.example.com`; never what a request says."""
    signer: UrlSigner

    def to(self, path: str) -> str:
        """Give the whole URL of a path."""
        return f"{self.base}{path}"

    def signed(self, path: str, wanted: LinkRequest) -> Link:
        """Sign the reading of a path."""
        seconds = wanted.expires_in_s
        expires = int(self.signer.clock()) + seconds
        return Link(
            url=self.to(self.signer.sign("GET", path, seconds=seconds)),
            expires_at=datetime.fromtimestamp(expires, UTC),
        )

    def audience(self, request: Request, caller: Identity) -> Audience:
        """Tell who reads: the owner, or somebody with a signed URL, which is checked.

        Raises `SignatureInvalid` for a signature that does not hold, `Unauthenticated` for who
        shows nothing, and `InvalidRequest` for any other query.
        """
        query = request.query_params
        if is_signed(request):
            self.signer.check(request.method, request.url.path, query.multi_items())
            return holders(int(query["expires"]) - int(self.signer.clock()))
        if caller.is_stranger:
            raise unknown_caller()
        if query:
            errors = [FieldError(name[:80], "is not known here.") for name in query]
            raise InvalidRequest("This route takes no query parameters.", errors=errors)
        return OWNER

    def public_name(self, *parts: str) -> str:
        """Derive a name that says nothing and that nobody can guess: the same for the same parts.

        It is another one once the newest key is another one.
        """
        secret = next(iter(self.signer.keys.values()))
        told = "\n".join(["imagemill.public", *parts]).encode()
        return hmac.new(secret, told, hashlib.sha256).hexdigest()[:_NAME_DIGITS]


def is_signed(request: Request) -> bool:
    """Tell whether a request comes with a signature, good or not."""
    return SIGNATURE in request.query_params
