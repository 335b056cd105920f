"""The SQS of one account and region: how it is reached, and its queues."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.sqs_settings import SQSSettings
from imagemill.queue.tls import TLSSettings, is_loopback

_PREFIX: Final = "imagemill"
_MISSING: Final = ("QueueDoesNotExist", "NonExistentQueue")
_CONNECTIONS: Final = 50
_STRANGE: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Login:
    """Where SQS is, and what it is shown."""

    url: str
    """`sqs://region`, or `sqs://region/prefix` for another prefix of the queues' names."""
    settings: SQSSettings
    tls: TLSSettings

    @property
    def region(self) -> str:
        """Region of AWS."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def prefix(self) -> str:
        """What the names of queues begin with."""
        return self.url.partition("://")[2].partition("/")[2].strip("/") or _PREFIX

    def options(self) -> dict[str, Any]:
        """Give the client library's words for it; raises `InvalidRequest` for what may not be."""
        settings, tls = self.settings, self.tls
        _check_endpoint(settings)
        certificate = tls.certificate_file
        shown = (str(certificate), str(tls.key_file)) if tls.key_file else str(certificate)
        config = AioConfig(
            connect_timeout=settings.timeout_s,
            read_timeout=settings.wait_s + settings.timeout_s,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "max_attempts": 3},
            client_cert=shown if certificate else None,
        )
        wanted = {
            "region_name": self.region,
            "endpoint_url": settings.endpoint_url,
            "aws_access_key_id": settings.access_key_id,
            "aws_secret_access_key": settings.secret_access_key.get_secret_value(),
            "verify": str(tls.ca_file or ""),
        }
        return {"config": config} | {name: value for name, value in wanted.items() if value}


@dataclass(eq=False)
class Account:
    """One client, and the addresses of the queues that were looked for with it."""

    login: Login
    lease_s: float
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _client: Any = field(default=None, init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _urls: dict[str, str] = field(default_factory=dict, init=False)

    async def ask(self, what: str, topic: str, **request: Any) -> Any:  # noqa: ANN401 - the library's words
        """Call SQS about a topic's queue, which is made if it is missing and may be.

        Raises `Unavailable` when SQS does not answer, or says no.
        """
        with_url = {**request, "QueueUrl": await self.queue_url(topic)}
        if self._client is None:
            raise Unavailable("The queue is closed.")
        async with self._asked(topic):
            return await getattr(self._client, what)(**with_url)

    async def queue_url(self, topic: str) -> str:
        """Give the address of a topic's queue, looking for it once."""
        async with self._opening, self._asked(topic):
            if self._client is None:
                creating = get_session().create_client("sqs", **self.login.options())
                self._client = await self._stack.enter_async_context(creating)
            if topic not in self._urls:
                self._urls[topic] = await self._found(topic)
            return self._urls[topic]

    async def close(self) -> None:
        """Let go of the client."""
        async with self._opening:
            self._client, stack = None, self._stack
            self._stack = AsyncExitStack()
            self._urls.clear()
            await stack.aclose()

    async def _found(self, topic: str) -> str:
        name = self._name(topic)
        try:
            answer = await self._client.get_queue_url(QueueName=name)
        except ClientError as error:
            if not self.login.settings.create or not _is_missing(error):
                raise
            return await self._made(name)
        return str(answer["QueueUrl"])

    async def _made(self, name: str) -> str:
        """Make a queue, and before it the one that takes what was received too often."""
        dead = await self._create(f"{name}-dead", {})
        asked = await self._client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": asked["Attributes"]["QueueArn"],
            "maxReceiveCount": self.login.settings.most_receives,
        }
        lease_s = str(math.ceil(self.lease_s))
        extra = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": lease_s}
        return await self._create(name, extra)

    async def _create(self, name: str, attributes: dict[str, str]) -> str:
        settings = self.login.settings
        wanted = {"MessageRetentionPeriod": str(settings.retention_s), **attributes}
        if settings.kms_key_id:
            wanted["KmsMasterKeyId"] = settings.kms_key_id
        elif settings.encrypted:
            wanted["SqsManagedSseEnabled"] = "true"
        answer = await self._client.create_queue(QueueName=name, Attributes=wanted)
        return str(answer["QueueUrl"])

    def _name(self, topic: str) -> str:
        return f"{self.login.prefix}-{_STRANGE.sub('_', topic)}"

    @asynccontextmanager
    async def _asked(self, topic: str) -> AsyncIterator[None]:
        try:
            yield
        except ClientError as error:
            if _is_missing(error):
                self._urls.pop(topic, None)
            raise Unavailable(f"SQS said no: {error}.") from error
        except (BotoCoreError, OSError, TimeoutError) as error:
            raise Unavailable(f"SQS cannot be reached: {error}.") from error


def _check_endpoint(settings: SQSSettings) -> None:
    parts = urlsplit(settings.endpoint_url)
    is_open = parts.scheme == "http" and not is_loopback(parts.hostname or "")
    if is_open and not settings.allow_http:
        raise InvalidRequest(
            "IMAGEMILL_QUEUE_SQS_ENDPOINT_URL is asked without TLS, so that whoever listens reads "
            "messages and changes them. Write https://, or set IMAGEMILL_QUEUE_SQS_ALLOW_HTTP=1."
        )


def _is_missing(error: ClientError) -> bool:
    return any(each in str(error.response.get("Error", {}).get("Code")) for each in _MISSING)
