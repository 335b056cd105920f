"""What RabbitMQ tells by HTTP only: how many messages everybody has in hand."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote, urlsplit, urlunsplit

import httpx2

from imagemill.errors import Unavailable
from imagemill.queue.rabbitmq_connection import ANSWER_S, Login


async def messages_in(login: Login, queue: str) -> int:
    """Count what waits in a queue and is in anybody's hand, up to 5 s ago; 0 without the queue."""
    address = urlsplit(login.settings.management_url.get_secret_value())
    vhost = urlsplit(login.servers[0]).path.removeprefix("/") or quote("/", safe="")
    path = f"{address.path.rstrip('/')}/api/queues/{vhost}/{quote(queue, safe='')}"
    where = urlunsplit((address.scheme, address.netloc, path, "", ""))
    verify = login.tls.context() if login.tls.is_set else True
    try:
        async with httpx2.AsyncClient(verify=verify, timeout=ANSWER_S, trust_env=False) as client:
            answer = await client.get(where)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return 0
            answer.raise_for_status()
            return int(answer.json().get("messages", 0))
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable("The management of RabbitMQ does not count.") from error
