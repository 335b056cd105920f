"""The client for URLs that users name, against hosts on loopback that misbehave."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest
import trustme

from imagemill.egress.addresses import Address, read
from imagemill.egress.bounds import Bounds, Pace
from imagemill.egress.client import Answer, Egress
from imagemill.egress.settings import EgressSettings, Rules
from imagemill.errors import (
    ImagemillError,
    SourceBlocked,
    SourceRefused,
    SourceUnavailable,
    TooLarge,
)
from tests.egress.hosts import Host, answer, host, raw

BOUNDS = Bounds(most_bytes=1000, lookup_s=0.3, connect_s=1, read_s=0.3, total_s=2)


class Names:
    """A resolver that tells each time the next answer, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        """Tell these answers."""
        self.answers = [[read(each) for each in answer] for answer in answers]
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[Address]:
        self.asked.append(name)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def allowing(here: Host, *, networks: str = "127.0.0.0/8") -> Rules:
    return EgressSettings(allow_networks=networks, allow_ports=str(here.port)).rules


async def fetched(egress: Egress, url: str, bounds: Bounds = BOUNDS) -> bytes:
    async with egress.fetch(url, bounds) as got:
        return b"".join([piece async for piece in got.body])


async def refusal(egress: Egress, url: str, bounds: Bounds = BOUNDS) -> ImagemillError:
    with pytest.raises(ImagemillError) as refused:
        await fetched(egress, url, bounds)
    return refused.value


async def test_what_a_url_leads_to_is_read() -> None:
    async with host(answer(body=b"picture")) as here:
        assert await fetched(Egress(allowing(here)), here.url) == b"picture"


async def test_a_request_tells_nothing_of_us_but_our_name() -> None:
    async with host(answer(set_cookie="a=b")) as here:
        egress = Egress(allowing(here), resolver=Names(["127.0.0.1"]))
        for _ in range(2):
            await fetched(egress, f"http://img.example.com:{here.port}/a?b")

        lines = here.asked[1].decode().split("\r\n")

    assert lines[0] == "GET /a?b HTTP/1.1"
    assert sorted(line.lower() for line in lines[1:] if line) == [
        "accept-encoding: identity",
        "accept: */*",
        f"host: img.example.com:{here.port}",
        "user-agent: imagemill",
    ]


async def test_an_address_that_is_not_public_is_not_connected_to() -> None:
    async with host(answer()) as here:
        rules = EgressSettings(allow_ports=str(here.port)).rules
        by_name = Egress(rules, resolver=Names(["127.0.0.1"]))

        refused = [
            await refusal(by_name, here.url),
            await refusal(by_name, f"http://img.example.com:{here.port}/"),
        ]

    assert [type(each) for each in refused] == [SourceBlocked, SourceBlocked]
    assert here.asked == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["::1", "127.0.0.1"], []]
)
async def test_one_address_that_is_not_public_blocks_the_name(addresses: list[str]) -> None:
    async with host(answer()) as here:
        egress = Egress(allowing(here), resolver=Names(addresses))

        assert isinstance(
            await refusal(egress, f"http://img.example.com:{here.port}/"), SourceBlocked
        )

    assert here.asked == []


async def test_a_name_is_looked_up_once_for_each_hop() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with host(answer(302, location="/again")) as here:
        refused = await refusal(
            Egress(allowing(here), resolver=names), f"http://img.example.com:{here.port}/"
        )

    assert isinstance(refused, SourceBlocked)
    assert (len(here.asked), names.asked) == (1, ["img.example.com"] * 2)


async def test_a_host_that_an_operator_allowed_may_be_anywhere() -> None:
    async with host(answer()) as here:
        rules = EgressSettings(allow_hosts=f"minio:{here.port}").rules
        egress = Egress(rules, resolver=Names(["127.0.0.1"]))

        assert await fetched(egress, f"http://minio:{here.port}/") == b"picture"


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async with host(answer()) as here:
        egress = Egress(allowing(here), resolver=Names(["127.0.0.2", "127.0.0.1"]))

        assert await fetched(egress, f"http://img.example.com:{here.port}/") == b"picture"


async def test_three_redirects_are_followed_and_no_fourth() -> None:
    async def counting(head: bytes, writer: asyncio.StreamWriter) -> None:
        left = int(head.split()[1][1:])
        reply = answer() if left == 0 else answer(307, location=f"/{left - 1}")
        await reply(head, writer)

    async with host(counting) as here:
        egress = Egress(allowing(here))

        assert await fetched(egress, f"{here.url}3") == b"picture"
        assert type(await refusal(egress, f"{here.url}4")) is SourceRefused


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/", "gopher://127.0.0.1/", "//127.0.0.1:22/", ""]
)
async def test_a_redirect_to_what_is_blocked_is_not_followed(location: str) -> None:
    async with host(answer(302, location=location)) as here:
        refused = await refusal(Egress(allowing(here)), here.url)

    assert (type(refused), len(here.asked)) == (
        (SourceBlocked, 1) if location else (SourceRefused, 4)
    )


async def test_one_hop_gives_a_redirect_as_it_is() -> None:
    async with (
        host(answer(302, location="/b", body=b"there")) as here,
        Egress(allowing(here)).stream(
            "POST", here.url, headers={"X-Sign": "v1", "Host": "a"}, content=b"{}", bounds=BOUNDS
        ) as got,
    ):
        said = await _whole(got)

    assert (got.status, got.headers["location"], said) == (302, "/b", b"there")
    assert b"x-sign: v1\r\n" in here.asked[0]
    assert f"host: 127.0.0.1:{here.port}\r\n".encode() in here.asked[0]
    assert b"host: a" not in here.asked[0]


@pytest.mark.parametrize("said", [b"-ERR unknown command\r\n", b"", b"SSH-2.0-OpenSSH\r\n\r\n"])
async def test_what_speaks_no_http_answers_like_what_is_blocked(said: bytes) -> None:
    async with host(raw(said)) as here:
        egress = Egress(allowing(here))
        silent = await refusal(egress, here.url)

    closed = await refusal(egress, here.url)
    inner = await refusal(egress, "http://10.0.0.1/")
    assert {(type(each), each.message) for each in (silent, closed, inner)} == {
        (SourceBlocked, inner.message)
    }


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 204, 206, 304, 300])
async def test_a_status_without_a_picture_is_not_worth_another_try(status: int) -> None:
    async with host(answer(status, body=b"")) as here:
        refused = await refusal(Egress(allowing(here)), here.url)

    assert (type(refused), refused.code) == (SourceRefused, "source_unavailable")
    assert not refused.retry


async def test_a_servers_error_is_worth_another_try_when_it_says() -> None:
    async with host(answer(503, retry_after="7")) as here:
        refused = await refusal(Egress(allowing(here)), here.url)

    assert (type(refused), refused.retry_after_s) == (SourceUnavailable, 7)
    assert refused.retry


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001,
    ],
)
async def test_too_many_bytes_are_cut(sent: bytes) -> None:
    async with host(raw(sent)) as here:
        refused = await refusal(Egress(allowing(here)), here.url)

    assert (type(refused), refused.limit) == (TooLarge, {"limit_bytes": 1000})


async def test_no_more_is_read_than_was_announced() -> None:
    async with host(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n" + b"x" * 9000)) as here:
        assert await fetched(Egress(allowing(here)), here.url) == b"x" * 10


async def test_a_body_that_breaks_off_is_refused() -> None:
    async with host(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxxx")) as here:
        assert type(await refusal(Egress(allowing(here)), here.url)) is SourceRefused


async def test_a_host_that_says_nothing_is_given_up() -> None:
    async with host(_silent) as here:
        assert type(await refusal(Egress(allowing(here)), here.url)) is SourceUnavailable


async def test_a_body_that_drips_is_given_up_at_the_limit_of_the_whole() -> None:
    async with host(_dripping) as here:
        bounds = replace(BOUNDS, total_s=0.3)

        assert type(await refusal(Egress(allowing(here)), here.url, bounds)) is SourceUnavailable


async def test_a_body_that_is_too_slow_is_given_up() -> None:
    async with host(_dripping) as here:
        bounds = replace(BOUNDS, slow_after_s=0.1)

        assert type(await refusal(Egress(allowing(here)), here.url, bounds)) is SourceUnavailable


def test_a_body_is_too_slow_by_its_average() -> None:
    bounds = Bounds(least_bytes_per_s=1000, slow_after_s=5)

    assert not Pace(0, 0).is_too_slow(5, bounds)
    assert not Pace(0, 6000).is_too_slow(6, bounds)
    assert Pace(0, 5999).is_too_slow(6, bounds)


async def test_a_name_that_nobody_looks_up_is_given_up() -> None:
    async def unanswered(name: str) -> list[Address]:
        await asyncio.Event().wait()
        raise AssertionError

    egress = Egress(Rules(), resolver=unanswered)

    assert type(await refusal(egress, "http://img.example.com/")) is SourceUnavailable


async def test_a_name_that_is_not_there_answers_like_what_is_blocked() -> None:
    refused = await refusal(Egress(Rules()), "http://nobody.invalid/", Bounds())

    assert isinstance(refused, SourceBlocked | SourceUnavailable)


async def test_a_host_is_asked_by_four_at_once() -> None:
    go = asyncio.Event()

    async def waiting(head: bytes, writer: asyncio.StreamWriter) -> None:
        if here.now == 4:
            go.set()
        await go.wait()
        await answer()(head, writer)

    async with host(waiting) as here, asyncio.TaskGroup() as group:
        egress = Egress(allowing(here))
        for _ in range(9):
            group.create_task(fetched(egress, here.url))

    assert (here.most, len(here.asked)) == (4, 9)


async def test_certificates_are_verified_for_the_name_and_not_for_the_address() -> None:
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("img.example.com").configure_cert(serving)

    def trusting() -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    async with host(answer(), tls=serving) as here:
        names = Names(["127.0.0.1"])
        known = Egress(allowing(here), resolver=names, tls=trusting)
        unknown = Egress(allowing(here), resolver=names)

        assert await fetched(known, f"https://img.example.com:{here.port}/") == b"picture"
        for url in ("other.example.com", "127.0.0.1"):
            assert type(await refusal(known, f"https://{url}:{here.port}/")) is SourceBlocked
        assert (
            type(await refusal(unknown, f"https://img.example.com:{here.port}/")) is SourceBlocked
        )


async def _whole(got: Answer) -> bytes:
    return b"".join([piece async for piece in got.body])


async def _silent(head: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1)  # sleeps: silence is what is tested.


async def _dripping(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(20):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)  # sleeps: slowness is what is tested.
