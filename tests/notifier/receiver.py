"""A program at a loopback address that takes webhooks, and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    """A request that came in."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        """What its body says."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True)
class Answer:
    """What a request is answered."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Receiver:
    """What came in, and what is answered next."""

    port: int
    answers: Callable[[Got], Answer] = lambda _: Answer()
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is told."""
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self) -> set[str]:
        """Name what came in, each once."""
        return {each.id for each in list(self.got)}

    def then(self, *answers: Answer) -> None:
        """Give these answers, one by one, and good ones after them."""
        left = list(answers)
        self.answers = lambda _: left.pop(0) if left else Answer()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave it at that: whoever asked was killed meanwhile."""


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Take webhooks while the block runs."""
    receiver = Receiver(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            got = Got(self.path, headers, body)
            receiver.got.append(got)
            answer = receiver.answers(got)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    server = _Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
