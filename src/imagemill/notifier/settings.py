"""How the notifier behaves."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from imagemill.errors import InvalidRequest

_WHERE: Final = "[how](../how-to/mail-sms-push.md)"


class NotifierSettings(BaseModel):
    """Deliveries: how many at once, and how long they are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    publish_events: bool = Field(
        False,
        description="Whether every event of jobs goes to the topic `events` of the queue as well; "
        "only where somebody takes them from there, for they are kept until then.",
    )
    deliveries_at_once: int = Field(
        256, ge=1, le=10_000, description="Deliveries that are tried at the same time."
    )
    deliveries_per_host: int = Field(
        4, ge=1, le=1000, description="Deliveries that are tried at one host at the same time."
    )
    deliveries_per_owner: int = Field(
        32, ge=1, le=10_000, description="Deliveries of one owner that are tried at the same time."
    )
    delivery_lease_s: float = Field(
        60.0,
        ge=2,
        le=3600,
        description="Seconds after which a delivery is tried again whose notifier has died; longer "
        "than an answer may take.",
    )
    pace: float = Field(
        1.0,
        gt=0,
        le=10,
        description="What the pauses between tries (5 seconds to a day) are multiplied by.",
    )
    webhooks_per_owner: int = Field(
        50, ge=1, le=10_000, description="Webhooks of one owner; one more is refused (409)."
    )
    webhook_timeout_s: float = Field(
        10.0, ge=0.1, le=15, description="Seconds in which a webhook's receiver must answer."
    )
    disable_after_s: float = Field(
        432_000.0,
        ge=60,
        description="Seconds without one good answer, tries going on, after which a webhook is "
        "disabled.",
    )
    keep_deliveries_s: float = Field(
        2_592_000.0,
        ge=3600,
        description="Seconds for which ended deliveries are kept, with their tries.",
    )
    mail_url: SecretStr = Field(
        SecretStr(""),
        description=f"URL of the gateway for mail, with `{{to}}` for the recipient: {_WHERE}.",
    )
    mail_url_file: Path | None = Field(
        None, description="File that holds the URL of the gateway for mail, in its place."
    )
    sms_url: SecretStr = Field(
        SecretStr(""), description="URL of the gateway for SMS, with `{to}` for the number."
    )
    sms_url_file: Path | None = Field(
        None, description="File that holds the URL of the gateway for SMS, in its place."
    )
    push_url: SecretStr = Field(
        SecretStr(""), description="URL of the gateway for push, with `{to}` for the device."
    )
    push_url_file: Path | None = Field(
        None, description="File that holds the URL of the gateway for push, in its place."
    )
    gateway_timeout_s: float = Field(
        30.0,
        ge=1,
        le=300,
        description="Seconds after which a gateway is waited for no more, and tried again later; "
        "at most four fifths of `IMAGEMILL_NOTIFIER_DELIVERY_LEASE_S`.",
    )
    remember_contacts_s: float = Field(
        5.0, ge=0, le=300, description="Seconds for which preferences are remembered."
    )
    messages_per_day: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Messages that one account gets by one channel in a day, UTC; what happens "
        "after that is not told by it.",
    )
    tests_per_hour: int = Field(
        5, ge=1, le=1000, description="Test messages that one account may ask for in an hour."
    )

    def gateway_url(self, channel: str) -> str:
        """Give the URL for `mail`, `sms` or `push`; empty where none is configured.

        Raises `InvalidRequest` that names the setting when both the URL and its file are given, or
        when the file cannot be read; it never shows the URL.
        """
        url: str = getattr(self, f"{channel}_url").get_secret_value()
        file: Path | None = getattr(self, f"{channel}_url_file")
        if file is None:
            return url.strip()
        setting = f"IMAGEMILL_NOTIFIER_{channel.upper()}_URL"
        if url:
            raise InvalidRequest(f"{setting} and {setting}_FILE are both set; set one of them.")
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"The file that {setting}_FILE names cannot be read.") from error
