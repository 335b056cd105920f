"""Services show each other certificates: who has none, or a wrong one, is let in by nobody."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imagemill import tls
from imagemill.breaker import Breaker, BreakerSettings
from imagemill.contracts.remote import Remote
from imagemill.contracts.transport import Call
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.processes import check
from imagemill.settings import Settings
from imagemill.tls import Tls, TlsSettings
from tests.peers.authority import Authority

ASK = Call("GET", "/internal/health", {})


class Services(Authority):
    """Gives certificates as a process has them set."""

    def shown(self, *names: str, who: str = "me", is_over: bool = False) -> TlsSettings:
        cert, key = self.issued(who, *names, is_over=is_over)
        return TlsSettings(ca_file=self.ca_file, certificate_file=cert, key_file=key)


@pytest.fixture
def authority(tmp_path: Path) -> Services:
    return Services(tmp_path / "ours")


@pytest.fixture
def foreign(tmp_path: Path) -> Services:
    return Services(tmp_path / "foreign")


@asynccontextmanager
async def listening(settings: TlsSettings) -> AsyncIterator[tuple[int, Tls]]:
    """Serve with a service's certificate; give the port."""
    opened = tls.opened(settings, is_gateway=False)
    assert opened.listening is not None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=opened.listening.context)
    async with server:
        yield server.sockets[0].getsockname()[1], opened


async def asked(
    port: int, context: ssl.SSLContext | None, *, host: str = "127.0.0.1", scheme: str = "https"
) -> str:
    """Ask as a service does; tell what came back, or that nothing did."""
    breaker = Breaker("jobs", BreakerSettings())
    remote = Remote("jobs", f"{scheme}://{host}:{port}", breaker, tries=1, tls=context)
    try:
        return (await remote.send(ASK)).body.decode()
    except Unavailable:
        return "refused"
    finally:
        await remote.close()


def calling(settings: TlsSettings) -> ssl.SSLContext:
    opened = tls.opened(settings, is_gateway=True).calling
    assert opened is not None
    return opened.context


async def test_services_of_one_ca_speak_with_each_other(authority: Services) -> None:
    async with listening(authority.shown(who="jobs")) as (port, _):
        assert await asked(port, calling(authority.shown("gateway", who="gateway"))) == "ok"


async def test_who_shows_no_certificate_is_refused(authority: Services) -> None:
    settings = authority.shown()
    believing = ssl.create_default_context(cafile=str(settings.ca_file))

    async with listening(settings) as (port, _):
        assert await asked(port, believing) == "refused"


async def test_who_speaks_plain_http_is_refused(authority: Services) -> None:
    async with listening(authority.shown()) as (port, _):
        assert await asked(port, None, scheme="http") == "refused"


async def test_a_certificate_of_another_ca_is_refused(
    authority: Services, foreign: Services
) -> None:
    ours, theirs = authority.shown(), foreign.shown()
    mixed = theirs.model_copy(update={"ca_file": ours.ca_file})

    async with listening(ours) as (port, _):
        assert await asked(port, calling(mixed)) == "refused"


async def test_a_service_of_another_ca_is_not_asked(authority: Services, foreign: Services) -> None:
    async with listening(foreign.shown()) as (port, _):
        assert await asked(port, calling(authority.shown())) == "refused"


async def test_a_certificate_that_is_over_is_refused_on_both_sides(authority: Services) -> None:
    good = authority.shown(who="good")
    over = authority.shown(who="over", is_over=True)

    async with listening(good) as (port, _):
        assert await asked(port, calling(over)) == "refused"
    async with listening(over) as (port, _):
        assert await asked(port, calling(good)) == "refused"


async def test_a_service_under_another_name_is_not_asked(authority: Services) -> None:
    async with listening(authority.shown("uploads", who="uploads")) as (port, _):
        assert await asked(port, calling(authority.shown(who="caller"))) == "refused"


async def test_a_service_without_settings_believes_no_private_ca(authority: Services) -> None:
    async with listening(authority.shown()) as (port, _):
        assert await asked(port, None) == "refused"


async def test_new_certificates_are_taken_up_without_a_restart(authority: Services) -> None:
    settings = authority.shown(who="jobs", is_over=True)
    caller = calling(authority.shown(who="caller"))

    async with listening(settings) as (port, opened):
        before = await asked(port, caller)
        authority.shown(who="jobs")
        following = asyncio.create_task(Tls(opened.listening, None, look_every_s=0.05).follow())
        async with asyncio.timeout(10):
            while (after := await asked(port, caller)) != "ok":
                pass
        following.cancel()

    assert (before, after) == ("refused", "ok")


async def test_a_certificate_whose_key_is_not_there_yet_is_not_taken_up(
    authority: Services,
) -> None:
    settings = authority.shown(who="jobs")
    other = authority.shown(who="other")
    assert settings.certificate_file is not None
    assert other.certificate_file is not None
    caller = calling(authority.shown(who="caller"))

    async with listening(settings) as (port, opened):
        assert opened.listening is not None
        settings.certificate_file.write_bytes(other.certificate_file.read_bytes())
        half = opened.listening.look()
        meanwhile = await asked(port, caller)
        authority.shown(who="jobs")
        whole = opened.listening.look()

        assert (half, meanwhile, whole) == (False, "ok", True)
        assert opened.listening.look() is False
        assert await asked(port, caller) == "ok"


async def test_the_gateway_serves_everybody_with_a_certificate_of_its_own(
    authority: Services,
) -> None:
    given = authority.shown()
    public = TlsSettings(
        public_certificate_file=given.certificate_file, public_key_file=given.key_file
    )

    opened = tls.opened(public, is_gateway=True)

    assert opened.calling is None
    assert opened.listening is not None
    assert opened.listening.context.verify_mode is ssl.CERT_NONE
    assert tls.opened(TlsSettings(), is_gateway=True).listening is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"IMAGEMILL_TLS_CA_FILE": "ca.pem"}, "certificate_file and key_file together"),
        ({"IMAGEMILL_TLS_PUBLIC_KEY_FILE": "a.key"}, "public_key_file together"),
    ],
)
def test_half_of_what_is_needed_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        Settings.load(given)


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    settings = TlsSettings(ca_file=wrong, certificate_file=wrong, key_file=wrong)

    with pytest.raises(InvalidRequest, match=r"wrong\.pem"):
        tls.opened(settings, is_gateway=False)


def test_a_peer_without_tls_is_refused_where_services_show_certificates(
    authority: Services,
) -> None:
    settings = Settings.model_validate(
        {"tls": authority.shown(), "peers": {"jobs": "https://a:1,http://b:1"}}
    )

    with pytest.raises(InvalidRequest, match=r"IMAGEMILL_PEERS_JOBS holds http://b:1, .*https://"):
        check(settings, ["worker"])


def test_an_address_that_is_none_is_refused() -> None:
    settings = Settings.model_validate({"peers": {"jobs": "jobs:8000"}})

    with pytest.raises(InvalidRequest, match="write addresses like http://jobs:8000"):
        check(settings, ["worker"])
