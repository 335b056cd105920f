"""A recipient is checked, and cannot become anything else of a gateway's URL than a recipient."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from imagemill.errors import InvalidRequest
from imagemill.notifier.channels.recipients import (
    CHECKS,
    mail_address,
    placed,
    registration,
    telephone,
)

GATEWAY = "mailto://mill:secret@mail.example.com:587/?to={to}&from=mill@example.com"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("ada@example.org", "ada@example.org"),
        ("ada+mill@EXAMPLE.org", "ada+mill@example.org"),
        ("a/b?c&d=e@example.org", "a/b?c&d=e@example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("ada@bücher.example.org", "ada@xn--bcher-kva.example.org"),
    ],
)
def test_a_mail_address_is_taken_in_the_form_that_servers_take(given: str, taken: str) -> None:
    assert mail_address(given) == taken


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "ada@example.org,eve@example.org",
        "ada@example.org eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\n",
        "ada@eve@example.org",
        "a`eve@example.org",
        'a"eve@example.org',
        "Eve <eve@example.org>",
        "ada%2Ceve@example.org",
        "ada@[127.0.0.1]",
        "ada@example.org?cc=eve@example.org",
        "ada@example.org/eve@example.org",
        "ädä@example.org",
        f"{'a' * 65}@example.org",
    ],
)
def test_what_is_no_mail_address_or_more_than_one_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        mail_address(text)


@pytest.mark.parametrize("text", ["+491701234567", "+15551234567"])
def test_a_telephone_number_is_taken_as_it_is(text: str) -> None:
    assert telephone(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "0170123456", "491701234567", "+0491701234567", "+49 170 1234567", "+49"),
        *("+4917012345678901", "+491701234567\n", "+491701234567,+15551234567", "+49170123456a"),
        *(
            "+491701234567/+15551234567",
            "w:+491701234567",
            "+49170123456\N{ARABIC-INDIC DIGIT ONE}",
        ),
    ],
)
def test_what_is_no_telephone_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        telephone(text)


@pytest.mark.parametrize("text", ["dK3:APA91b-x_y", "phone", "ada@example.org"])
def test_a_registration_is_taken_as_it_is(text: str) -> None:
    assert registration(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "#everybody", "@all", "a,b", "a b", "a/b", "a?b", "a&b", "a%2Cb", "a\r\nb", "a\n", "é"],
)
def test_what_may_name_other_devices_is_no_registration(text: str) -> None:
    with pytest.raises(InvalidRequest):
        registration(text)


def test_there_is_a_check_for_every_channel_to_people() -> None:
    assert set(CHECKS) == {"mail", "sms", "push"}


@pytest.mark.parametrize("to", ["a/b?c&d=e#f@example.org", "a b\r\nBcc: c", "a@b@c:d", "{to}", "ä"])
def test_whatever_stands_in_a_recipient_leaves_the_rest_of_the_url_as_it_was(to: str) -> None:
    in_the_query = urlsplit(placed(GATEWAY, to))
    in_the_path = urlsplit(placed("sns://key/secret/eu-west-1/{to}?mode=sms", to))

    assert in_the_query.netloc == "mill:secret@mail.example.com:587"
    assert parse_qs(in_the_query.query) == {"to": [to], "from": ["mill@example.com"]}
    assert unquote(in_the_path.path.rpartition("/")[2]) == to
    assert in_the_path.path.count("/") == 3
    assert in_the_path.query == "mode=sms"
