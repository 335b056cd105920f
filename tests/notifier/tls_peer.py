"""A stand-in for the services behind gateways: a proxy that ends TLS itself and answers alone.

A program that is started with `surroundings()` believes to speak to `api.twilio.com` and speaks to
this. Every request is kept as it came over the wire. Nothing is passed on to anybody.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage, parse_headers
from pathlib import Path
from typing import BinaryIO

import trustme


@dataclass(frozen=True)
class Asked:
    """One request, as it was sent."""

    host: str
    method: str
    path: str
    headers: HTTPMessage
    body: bytes


@dataclass
class TLSPeer:
    """What is answered for each path, and what was asked."""

    answers: Mapping[str, tuple[int, str]]
    """Status and body by host and path; everything else is 404."""
    certificate: Path
    """Of the authority that signs for every host."""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    def surroundings(self) -> dict[str, str]:
        """Give the environment in which a program meets this peer and nobody else."""
        proxy = f"http://127.0.0.1:{self.port}"
        return {
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "REQUESTS_CA_BUNDLE": str(self.certificate),
        }


@contextmanager
def tls_peer(folder: Path, answers: Mapping[str, tuple[int, str]]) -> Iterator[TLSPeer]:
    """Run the peer at a free port for a block."""
    authority = trustme.CA()
    peer = TLSPeer(answers, folder / "authority.pem")
    authority.cert_pem.write_to_path(str(peer.certificate))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            connection.settimeout(20)
            with connection.makefile("rb") as stream:
                host = stream.readline().split()[1].decode().rpartition(":")[0]
                parse_headers(stream)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host).configure_cert(context)
            with context.wrap_socket(connection, server_side=True) as secured:
                _answer(peer, host, secured)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        peer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join()


def _answer(peer: TLSPeer, host: str, secured: ssl.SSLSocket) -> None:
    with secured.makefile("rb") as stream:
        asked = _read(host, stream)
    peer.asked.append(asked)
    status, body = peer.answers.get(f"{host}{asked.path}", (404, "{}"))
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body.encode())}\r\nconnection: close\r\n"
    secured.sendall(f"{head}\r\n{body}".encode())


def _read(host: str, stream: BinaryIO) -> Asked:
    method, path, _ = stream.readline().decode().split()
    headers = parse_headers(stream)
    return Asked(host, method, path, headers, stream.read(int(headers["content-length"] or 0)))
