"""Where gateways are is the operator's secret: given once, by value or by file, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.assembly import running
from imagemill.errors import InvalidRequest
from imagemill.notifier.settings import NotifierSettings
from imagemill.settings import Settings

URL = "mailto://mill:hush@mail.example.com/{to}"


def load(**environment: str) -> NotifierSettings:
    named = {f"IMAGEMILL_NOTIFIER_{name.upper()}": value for name, value in environment.items()}
    return Settings.load(named).notifier


def test_no_gateway_is_configured_unless_it_is_set() -> None:
    assert [load().gateway_url(each) for each in ("mail", "sms", "push")] == ["", "", ""]


def test_a_url_is_given_by_value() -> None:
    assert load(mail_url=URL).gateway_url("mail") == URL


def test_a_url_is_given_by_file(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text(f"{URL}\n")

    assert load(mail_url_file=str(tmp_path / "mail")).gateway_url("mail") == URL


def test_a_url_is_not_given_twice(tmp_path: Path) -> None:
    settings = load(mail_url=URL, mail_url_file=str(tmp_path / "mail"))

    with pytest.raises(InvalidRequest, match="MAIL_URL_FILE are both set") as refused:
        settings.gateway_url("mail")

    assert "hush" not in refused.value.message


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "sms").write_bytes(content)

    with pytest.raises(InvalidRequest, match="IMAGEMILL_NOTIFIER_SMS_URL_FILE"):
        load(sms_url_file=str(tmp_path / "sms")).gateway_url("sms")


def test_a_url_is_never_printed() -> None:
    settings = load(mail_url=URL)

    assert "hush" not in f"{settings} {settings!r} {settings.mail_url}"


async def test_a_notifier_with_a_wrong_gateway_does_not_start(tmp_path: Path) -> None:
    notifier = NotifierSettings.model_validate({"mail_url": "json://hush.example.com/{to}"})
    settings = Settings(data=tmp_path, notifier=notifier)

    with pytest.raises(InvalidRequest, match="IMAGEMILL_NOTIFIER_MAIL_URL") as refused:
        async with running(settings, ("users", "jobs", "uploads", "notifier")):
            pytest.fail("It started.")

    assert "hush" not in refused.value.message
