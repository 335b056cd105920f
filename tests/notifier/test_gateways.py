"""A gateway reaches one recipient and nobody else, tells why it could not, and holds up nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from imagemill.errors import InvalidRequest
from imagemill.notifier.channels.apprise import SERVICES, Gateway, Limits
from imagemill.notifier.texts import Said
from tests.notifier.smtp_peer import SMTPPeer, silent_peer, smtp_peer

LIMITS = Limits()
SAID = Said("Job faf2aad0 is done", "It is done.")
A, B = "a" * 32, "b" * 32
EXAMPLES = {
    "mailto": "mailto://mill:pw@mail.example.com/?to={to}&from=mill@example.com",
    "mailtos": "mailtos://mill:pw@mail.example.com/{to}",
    "ses": "ses://mill@example.com/AKIA/secret/us-east-1/{to}",
    "sendgrid": "sendgrid://APIKEY123:mill@example.com/{to}",
    "mailgun": "mailgun://mill@example.com/token/{to}",
    "smtp2go": "smtp2go://mill@example.com/apikey/{to}",
    "brevo": "brevo://apikey:mill@example.com/{to}",
    "resend": "resend://apikey:mill@example.com/{to}",
    "twilio": f"twilio://AC{A}:{B}@15551234568/{{to}}",
    "sns": "sns://AKIA/secret/us-east-1/{to}",
    "vonage": "vonage://abcdefgh:abcdefghabcdefgh@15551234568/{to}",
    "plivo": f"plivo://{'a' * 25}@{'b' * 40}/15551234568/{{to}}",
    "sinch": f"sinch://{A}:{B}@15551234568/{{to}}",
    "msgbird": f"msgbird://{'a' * 25}/15551234568/{{to}}",
    "fcm": "fcm://mill/{to}?keyfile=/etc/imagemill/google.json",
    "vapid": "vapid://mill@example.com/{to}?keyfile=/etc/mill/v.pem&subfile=/etc/mill/s.json",
    "ntfy": "ntfy://mill:pw@ntfy.example.com/{to}",
    "ntfys": "ntfys://mill:pw@ntfy.example.com/{to}",
}


@pytest.fixture(scope="module")
def peer() -> Iterator[SMTPPeer]:
    with smtp_peer() as running:
        yield running


@pytest.fixture
def mails(peer: SMTPPeer) -> SMTPPeer:
    peer.mails.clear()
    return peer


@pytest.mark.parametrize(
    ("channel", "scheme"), [(channel, each) for channel in SERVICES for each in SERVICES[channel]]
)
async def test_every_service_addresses_the_recipient_and_nobody_else(
    channel: str, scheme: str
) -> None:
    Gateway.opened(channel, EXAMPLES[scheme], LIMITS).close()


@pytest.mark.parametrize(
    ("channel", "url", "said"),
    [
        ("mail", "json://mail.example.com/{to}", "begins with one of"),
        ("mail", "mail.example.com", "begins with one of"),
        ("sms", "mailto://mail.example.com/{to}", "begins with one of"),
        ("mail", "mailto://mill:hush@mail.example.com", "has {to} once"),
        ("mail", "mailto://hush@mail.example.com/{to}/{to}", "has {to} once"),
        ("sms", f"twilio://AC{A}:hush!@15551234568/{{to}}", "not a URL that apprise can send"),
        ("mail", f"{EXAMPLES['mailto']}&cc=hush@example.com", "not a URL that apprise can send"),
        ("mail", f"{EXAMPLES['mailto']}&bcc=hush@example.com", "not a URL that apprise can send"),
        ("sms", f"twilio://AC{A}:{B}@15551234568/+15551234569/{{to}}", "not a URL that apprise"),
    ],
    ids=["json", "no url", "other channel", "no place", "two places", "wrong", *"abc"],
)
async def test_a_url_that_is_no_gateway_to_one_recipient_is_refused_and_not_shown(
    channel: str, url: str, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        Gateway.opened(channel, url, LIMITS)

    assert f"IMAGEMILL_NOTIFIER_{channel.upper()}_URL" in refused.value.message
    assert "hush" not in refused.value.message


def test_a_gateway_without_the_extra_is_refused_and_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['apprise'] = None\n"
        "from imagemill.errors import InvalidRequest\n"
        "from imagemill.notifier.channels.apprise import Gateway, Limits\n"
        "try: Gateway.opened('mail', 'mailto://mail.example.com/{to}', Limits())\n"
        "except InvalidRequest as error: print(error.message)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )

    assert "IMAGEMILL_NOTIFIER_MAIL_URL" in done.stdout
    assert "make install EXTRAS=notify" in done.stdout


async def test_a_mail_arrives_with_both_parts_and_its_headers(mails: SMTPPeer) -> None:
    address = "https://images.example.com/api/v1/jobs/1/outputs/small?expires=1&signature=a"
    linked = address.replace("&", "&amp;")
    html = f'<p>Grüße: façade &lt;b&gt;.jpg</p><p><a href="{linked}">{linked}</a></p>'
    gateway = Gateway.opened("mail", mails.url, LIMITS)

    verdict = await gateway.send("ada@example.org", Said("Job „façade“ is done", "", html))

    [mail] = mails.mails
    gateway.close()
    assert verdict is None
    assert (mail.sender, mail.recipients) == ("mill@example.com", ("ada@example.org",))
    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.message["subject"] == "Job „façade“ is done"
    assert mail.message["from"] == "Imagemill <mill@example.com>"
    assert mail.message["to"] == "ada@example.org"
    assert mail.message["auto-submitted"] == "auto-generated"
    assert mail.message["date"]
    assert mail.message["message-id"]
    assert mail.part("html").strip() == html
    assert "Grüße: façade <b>.jpg" in mail.part("plain")
    assert address in mail.part("plain")


async def test_a_mail_without_html_is_plain_and_nothing_in_it_is_interpreted(
    mails: SMTPPeer,
) -> None:
    gateway = Gateway.opened("mail", mails.url, LIMITS)
    text = "One :smile:\n<b>two</b> \\n ${NAME} {{x}} *three*"

    await gateway.send("ada@example.org", Said("Hello", text))

    [mail] = mails.mails
    gateway.close()
    assert mail.message.get_content_type() == "text/plain"
    assert mail.part("plain").splitlines() == text.splitlines()


async def test_a_title_cannot_become_a_header(mails: SMTPPeer) -> None:
    gateway = Gateway.opened("mail", mails.url, LIMITS)

    await gateway.send("ada@example.org", Said("Hello\r\nBcc: eve@example.org", "Text"))

    [mail] = mails.mails
    gateway.close()
    assert mail.recipients == ("ada@example.org",)
    assert mail.message["bcc"] is None
    assert mail.message["subject"] == "Hello Bcc: eve@example.org"


@pytest.mark.parametrize("to", ["a/b?cc=eve&d+e@example.org", "o'brien@example.org"])
async def test_a_recipient_with_special_characters_is_reached_exactly(
    mails: SMTPPeer, to: str
) -> None:
    gateway = Gateway.opened("mail", mails.url, LIMITS)

    await gateway.send(to, SAID)

    [mail] = mails.mails
    gateway.close()
    assert mail.recipients == (to,)
    assert mail.message["to"] == to


@pytest.mark.parametrize("scheme", sorted(SERVICES["mail"]))
@pytest.mark.parametrize(
    "to", ["o'brien@example.org", "a+b+c@example.org", "ada@xn--e1afmkfd.xn--p1ai"]
)
async def test_an_address_that_apprise_misreads_is_its_own_for_every_service(
    scheme: str, to: str
) -> None:
    gateway = Gateway.opened("mail", EXAMPLES[scheme], LIMITS)

    service = gateway._service(to)

    gateway.close()
    assert service is not None
    assert to in str(service.targets)


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.org,eve@example.org",
        "ada@example.org\r\nRCPT TO:<eve@example.org>",
        "ada@eve@example.org",
        "ada@example.org?bcc=eve@example.org",
        "ada@example.org/eve@example.org",
        "ada@example.org&bcc=eve@example.org",
    ],
)
async def test_a_recipient_who_would_be_more_than_one_is_sent_nothing(
    mails: SMTPPeer, to: str
) -> None:
    gateway = Gateway.opened("mail", mails.url, LIMITS)

    with pytest.raises(InvalidRequest):
        await gateway.send(to, SAID)

    gateway.close()
    assert mails.mails == []


@pytest.mark.parametrize(("code", "is_final"), [(450, False), (421, False), (550, True)])
async def test_what_a_mail_server_answers_decides_whether_it_is_asked_again(
    mails: SMTPPeer, code: int, *, is_final: bool
) -> None:
    gateway = Gateway.opened("mail", mails.url, LIMITS)

    verdict = await gateway.send(f"{code}-ada@example.org", SAID)

    gateway.close()
    assert verdict is not None
    assert (verdict.reason, verdict.is_final) == (f"The mail server answered {code}.", is_final)


async def test_a_gateway_that_is_not_there_is_asked_again() -> None:
    url = "mailto://127.0.0.1:1/?to={to}&from=mill@example.com"
    gateway = Gateway.opened("mail", url, LIMITS)

    verdict = await gateway.send("ada@example.org", SAID)

    gateway.close()
    assert verdict is not None
    assert not verdict.is_final


async def test_a_silent_gateway_is_waited_for_no_longer_than_its_time_and_others_go_on(
    mails: SMTPPeer,
) -> None:
    with silent_peer() as url:
        silent = Gateway.opened("mail", url, Limits(at_once=2, timeout_s=0.2))
        other = Gateway.opened("mail", mails.url, LIMITS)

        stuck = asyncio.gather(*(silent.send("ada@example.org", SAID) for _ in range(4)))
        assert await other.send("bob@example.org", SAID) is None
        verdicts = await stuck

    silent.close()
    other.close()
    assert [each.recipients for each in mails.mails] == [("bob@example.org",)]
    assert {(each.reason, each.is_final) for each in verdicts if each} == {
        ("The gateway did not answer in time.", False)
    }
    assert len(verdicts) == 4
