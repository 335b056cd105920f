"""The outside world, and what must not be reached: hosts, names, and canaries that count."""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import ClassVar

from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSRecord

from tests.attacks.ssrf.space import CLOSED, METADATA, NAME_SERVER, PUBLIC, TALKING

CANARY_PORT = 8099
CANARY_PORTS = (22, 80, 443, 6379, 8099, 11211)
DOMAIN = "example-public.test"

NAMES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "img": ((PUBLIC,),),
    "closed": ((CLOSED,),),
    "talking": ((TALKING,),),
    "inner": (("127.0.0.1",),),
    "secrets": ((METADATA,),),
    "dual": (("::1", PUBLIC),),
    "mixed": ((PUBLIC, "127.0.0.1"),),
    "mapped": (("::ffff:127.0.0.1",),),
    "translated": (("64:ff9b::7f00:1",),),
    "rebinding": ((PUBLIC,), ("127.0.0.1",)),
    "returning": ((PUBLIC,), ("127.0.0.1",)),
    "turning": ((PUBLIC,), ("127.0.0.1",)),
}
"""What each name leads to, lookup by lookup; the last answer stays."""


class Canaries:
    """Listeners that nobody may connect to."""

    def __init__(self) -> None:
        """Listen at once, at every address and port that an attack aims at."""
        self.connections: list[str] = []
        for address in ("127.0.0.1", "::1", METADATA):
            for port in CANARY_PORTS:
                self._listen(address, port)

    def _listen(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family)
        run(lambda: self._accept(listener, f"{address} {port}"))

    def _accept(self, listener: socket.socket, name: str) -> None:
        while True:
            connection, _ = listener.accept()
            self.connections.append(name)
            connection.close()


class Names:
    """A name server; `hanging` gets no answer, what is unknown does not exist."""

    def __init__(self) -> None:
        """Answer at once, on UDP."""
        self._asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))
        run(self._serve)

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if answer := self._answer(DNSRecord.parse(data)):
                self._socket.sendto(answer.pack(), sender)

    def _answer(self, asked: DNSRecord) -> DNSRecord | None:
        name = str(asked.q.qname).removesuffix(".").removesuffix(f".{DOMAIN}")
        answer = asked.reply()
        if name == "hanging":
            return None
        if name not in NAMES:
            answer.header.rcode = RCODE.NXDOMAIN
            return answer
        for address in self._addresses(name, asked.q.qtype):
            octets = tuple(ip_address(address).packed)
            data = AAAA(octets) if ":" in address else A(octets)
            answer.add_answer(RR(asked.q.qname, asked.q.qtype, ttl=0, rdata=data))
        return answer

    def _addresses(self, name: str, kind: int) -> Iterator[str]:
        """Tell a name's addresses of one kind; a lookup asks for both kinds, for IPv4 once."""
        answers = NAMES[name]
        addresses = answers[min(self._asked[name], len(answers) - 1)]
        self._asked[name] += kind == QTYPE.A
        return (each for each in addresses if (":" in each) == (kind == QTYPE.AAAA))


class Host(BaseHTTPRequestHandler):
    """The public host: pictures, redirects, and all that a host can do wrong."""

    picture: ClassVar[bytes] = b""
    asked: ClassVar[Counter[str]] = Counter()
    sent_bytes: ClassVar[Counter[str]] = Counter()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the path."""
        name = f"{self.headers['host'].partition('.')[0]}{self.path}"
        Host.asked[name if self.command == "GET" else f"{self.command} {name}"] += 1
        self.close_connection = True
        name, _, rest = self.path[1:].partition("/")
        with suppress(OSError):
            getattr(self, f"_{name.replace('.', '_').replace('-', '_')}", self._status)(
                rest or name
            )

    def do_POST(self) -> None:
        """Answer alike who tells something."""
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Say nothing."""

    def _ok_jpg(self, _: str) -> None:
        self._say(200, Host.picture)

    def _to(self, where: str) -> None:
        targets = {
            "metadata": (307, f"http://{METADATA}/"),
            "gopher": (302, "gopher://127.0.0.1:6379/"),
            "relative": (302, f"//127.0.0.1:{CANARY_PORT}/"),
            "relative80": (302, "//127.0.0.1/"),
            "inner": (301, f"http://inner.{DOMAIN}/"),
            "file": (303, "file:///etc/passwd"),
            "itself": (302, "/ok.jpg"),
        }
        status, location = targets[where]
        self._say(status, b"", location=location)

    def _hops(self, left: str) -> None:
        location = f"/hops/{int(left) - 1}" if int(left) else ""
        self._say(302 if location else 200, Host.picture, location=location)

    def _refresh(self, _: str) -> None:
        body = b'<meta http-equiv="refresh" content="0; url=http://127.0.0.1/">'
        self._say(200, body, refresh="0; url=http://127.0.0.1/", content_type="text/html")

    def _slow(self, _: str) -> None:
        self._begin(200, {"content-length": str(len(Host.picture))})
        for byte in Host.picture:
            self.wfile.write(bytes([byte]))
            time.sleep(0.4)  # sleeps: slowness is what is tested.

    def _lies(self, _: str) -> None:
        self._begin(200, {"content-length": "10"})
        self._flood_of(60)

    def _flood(self, _: str) -> None:
        self._begin(200, {})
        self._flood_of(200)

    def _busy(self, _: str) -> None:
        self._say(503, b"", retry_after="1")

    def _status(self, name: str) -> None:
        self._say(int(name) if name.isdigit() else 404, b"")

    def _flood_of(self, megabytes: int) -> None:
        for _ in range(megabytes * 16):
            self.wfile.write(bytes(1 << 16))
            Host.sent_bytes[f"{self.command} {self.path}"] += 1 << 16

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        fields = {name.replace("_", "-"): value for name, value in headers.items() if value}
        self._begin(status, {"content-length": str(len(body)), **fields})
        self.wfile.write(body)

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class Talker(socketserver.BaseRequestHandler):
    """A host that speaks first, and no HTTP."""

    def handle(self) -> None:
        """Say what a mail server says."""
        self.request.sendall(b"220 mail.example ESMTP\r\n")


def begin(picture: bytes) -> Canaries:
    """Let the world turn; give what must not be reached."""
    Host.picture = picture
    Names()
    run(ThreadingHTTPServer((PUBLIC, 80), Host).serve_forever)
    run(socketserver.ThreadingTCPServer((TALKING, 80), Talker).serve_forever)
    return Canaries()


def run(work: Callable[[], object]) -> None:
    """Work beside, until the process ends."""
    threading.Thread(target=work, daemon=True).start()


def url(name: str, path: str = "ok.jpg") -> str:
    """Give a URL of a name of the outside world."""
    return f"http://{name}.{DOMAIN}/{path}"


def with_port(payload: str) -> list[str]:
    """Aim a payload of the table at each port, the one that URLs may have included."""
    aimed = (payload.replace("{P}", str(port)) for port in (CANARY_PORT, 80))
    escaped = (each.replace("\\t", "\t") for each in aimed)
    return list(dict.fromkeys(itertools.chain(escaped, [payload.replace("{P}", "80")])))
