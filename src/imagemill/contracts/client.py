"""What every typed client does: sign, send, raise what was answered, read the rest."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import HEADER, Identity, Signer
from imagemill.contracts.transport import Call, Reply, Transport, raise_for_problem
from imagemill.telemetry.tracing import HEADER as TRACEPARENT
from imagemill.telemetry.tracing import traceparent


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A way to one service on which this process's own calls are signed."""

    transport: Transport
    signer: Signer
    identity: Identity
    """Who calls when it is for nobody in particular: this process."""

    async def call(
        self,
        method: str,
        path: str,
        body: BaseModel | AsyncIterable[bytes] | None = None,
        *,
        caller: Identity | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
    ) -> Reply:
        """Send one call for `caller`; raises whatever error the service answered.

        Reading is always repeatable: where one of several processes breaks off, another is asked.
        """
        content, media = _content(body)
        sent = {HEADER: self.signer.sign(caller or self.identity), **media, **(headers or {})}
        if request_id := get_contextvars().get("request_id"):
            sent["x-correlation-id"] = str(request_id)
        if trace := traceparent():
            sent[TRACEPARENT] = trace
        call = Call(method, path, sent, content, is_repeatable or method == "GET")
        return raise_for_problem(await self.transport.send(call))


def _content(
    body: BaseModel | AsyncIterable[bytes] | None,
) -> tuple[bytes | AsyncIterable[bytes], dict[str, str]]:
    if body is None:
        return b"", {}
    if isinstance(body, BaseModel):
        return body.model_dump_json().encode(), {"content-type": "application/json"}
    return body, {}
