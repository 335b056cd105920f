"""Which URLs are read, and how each of them is read."""

from __future__ import annotations

import pytest

from imagemill.egress import urls
from imagemill.egress.settings import EgressSettings, Rules
from imagemill.errors import UrlNotAllowed

READ = {
    "http://images.example.com": "http://images.example.com/",
    "HTTPS://Images.Example.COM:443/A.png?x=1#part": "https://images.example.com/A.png?x=1",
    "http://example.com:443/": "http://example.com:443/",
    "https://example.com./a": "https://example.com/a",
    "https://bücher.example.com/ä b".replace(" ", "+"): (
        "https://xn--bcher-kva.example.com/%C3%A4+b"
    ),
    "https://my_bucket.example.com/%2e%2E/a": "https://my_bucket.example.com/%2e%2E/a",
    "http://52.1.2.3/a": "http://52.1.2.3/a",
    "http://BÜCHER.example.com": "http://xn--bcher-kva.example.com/",
    "http://[2600:1F18::1]/a": "http://[2600:1f18::1]/a",
    "http://example.com?a=/": "http://example.com/?a=/",
}
REFUSED = (
    *("", "http://", "http:///127.0.0.1/", "//127.0.0.1/", "example.com/a.png", "http:example.com"),
    *("ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "s3://bucket/key"),
    *("http+unix://%2Fvar%2Frun/", "jar:http://127.0.0.1!/", "javascript:alert(1)"),
    *("http://127.0.0.1/", "http://127.1/", "http://0/", "http://2130706433/", "http://0x7f.1/"),
    *("http://0x7f000001/", "http://00000177.0.0.1/", "http://1.2.3.4.5/", "http://256.1.1.1/"),
    *("http://52.1.2.03/", "http://example.0x/", "http://[::1]/", "http://[::ffff:7f00:1]/"),
    *("http://[fe80::1%25eth0]/", "http://[52.1.2.3]/", "http://[::1", "http://::1/"),
    *("http://127。0。0。1/", "http://127.0.0.1/", "http://exa。com/", "http://①②⑦.0.0.1/"),
    *("http://\u212aexample.com/", "http://\u0130example.com/", "http://\u017fexample.com/"),
    *("http://localhost/", "http://LOCALHOST./", "http://localhost\u00ad/", "http://a.localhost/"),
    *("http://intranet/", "http://printer.local/", "http://metadata.google.internal/"),
    *("http://user@example.com/", "http://user:pw@example.com/", "http://example.com\\@127.0.0.1/"),
    *(
        "http://1.1.1.1 &@127.0.0.1# @3.3.3.3/",
        "http://exa\tmple.com/",
        "http://example.com/\r\nX:",
    ),
    *("http://example.com:81/", "http://example.com:0/", "http://example.com:/"),
    *("http://example.com:99999/", "http://example.com:\uff18\uff10/", "http://example.com:+80/"),
    *("http://exa%6dple.com/", "http://example..com/", "http://.example.com/", "http://-a.com/"),
    *("http://example.com../", f"http://{'a' * 64}.com/", f"http://example.com/{'a' * 2048}"),
    *("http://example.com/\ud800", "http://example.com/a b", "http://ex<ample.com/"),
)


@pytest.mark.parametrize(("url", "read"), READ.items())
def test_a_url_is_read_in_one_way(url: str, read: str) -> None:
    assert urls.read(url, Rules()).url == read


@pytest.mark.parametrize("url", REFUSED)
def test_other_urls_are_refused_with_one_text(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        urls.read(url, Rules())

    assert (refused.value.message, refused.value.limit) == (urls.REFUSAL, {})


def test_a_port_that_an_operator_allowed_is_allowed_for_every_host() -> None:
    rules = EgressSettings(allow_ports="8080").rules

    assert urls.read("http://example.com:8080/", rules).port == 8080


def test_a_host_that_an_operator_allowed_needs_no_dot() -> None:
    rules = EgressSettings(allow_hosts="minio:9000, Intranet").rules

    urls.read("http://minio:9000/bucket/a.png", rules)
    urls.read("http://intranet/a.png", rules)
    with pytest.raises(UrlNotAllowed):
        urls.read("http://minio/a.png", rules)
    with pytest.raises(UrlNotAllowed):
        urls.read("http://intranet:9000/a.png", rules)


def test_an_address_that_an_operator_allowed_is_read() -> None:
    rules = EgressSettings(allow_networks="127.0.0.0/8, fd00::/8", allow_ports="8000").rules

    assert urls.read("http://127.0.0.1:8000/", rules).authority == "127.0.0.1:8000"
    assert urls.read("http://[fd00::1]:8000/", rules).authority == "[fd00::1]:8000"


@pytest.mark.parametrize(
    "setting",
    [{"allow_hosts": "http://a"}, {"allow_networks": "10.0.0.1/8"}, {"allow_ports": "0"}],
)
def test_a_setting_that_is_wrong_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        EgressSettings(**setting)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b.png", "http://example.com/b.png"),
        ("b.png?c", "http://example.com/dir/b.png?c"),
        ("//other.example.com/", "http://other.example.com/"),
        ("https://other.example.com/b", "https://other.example.com/b"),
    ],
)
def test_a_redirect_is_followed_from_where_it_was_met(location: str, leads_to: str) -> None:
    here = urls.read("http://example.com/dir/a.png", Rules())

    assert urls.joined(here, location, Rules()).url == leads_to


@pytest.mark.parametrize(
    "location",
    [
        *("//127.0.0.1/", "http://169.254.169.254/", "gopher://127.0.0.1:6379/", "http://[::1]/"),
        *("http://[oops/", "/a\tb", "//example.com:81/", "//user@example.com/", "a" * 3000),
    ],
)
def test_a_redirect_is_judged_like_the_first_url(location: str) -> None:
    here = urls.read("http://example.com/dir/a.png", Rules())

    with pytest.raises(UrlNotAllowed):
        urls.joined(here, location, Rules())
