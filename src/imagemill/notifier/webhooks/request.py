"""What a client asks of webhooks, read from JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from imagemill.notifier.events import TYPES
from imagemill.notifier.webhook import EVERY

LONGEST_URL: Final = 2048
_TYPES: Final = ", ".join(f"`{each}`" for each in TYPES)


def _known(given: list[str]) -> list[str]:
    unknown = [each for each in given if each not in {EVERY, *TYPES}]
    if unknown:
        problem = f"{unknown[0][:80]!r} is no event; there are {', '.join(TYPES)}, and `*` for all."
        raise ValueError(problem)
    return list(dict.fromkeys(given))


_Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="An http or https URL of a public host, on port 80 or 443.",
        examples=["https://example.com/hooks/imagemill"],
    ),
]
_Events = Annotated[
    list[str],
    AfterValidator(_known),
    Field(
        min_length=1,
        max_length=20,
        description=f"Types of events that it is told of: {_TYPES}; `*` is every type, those of "
        "later versions too.",
        examples=[["job.completed", "job.failed", "job.dead"]],
    ),
]
_Description = Annotated[str, Field(max_length=200, description="What it is for; for people.")]
_Enabled = Annotated[
    bool,
    Field(strict=True, description="Whether it is told. What happens while it is not is not kept."),
]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookRequest(_Request):
    """A URL that is to be told of events."""

    url: _Url
    events: _Events = [EVERY]
    description: _Description = ""
    enabled: _Enabled = True


class WebhookChange(_Request):
    """What is to be otherwise; what is left out stays."""

    url: _Url | None = None
    events: _Events | None = None
    description: _Description | None = None
    enabled: _Enabled | None = None


class RedeliverRequest(_Request):
    """Which deliveries are to be made again."""

    status: Literal["failed"] = Field(description="`failed`; others are on their way or there.")
    since: AwareDatetime | None = Field(
        default=None,
        description="Only those made since this moment, with its offset from UTC; all if left out.",
    )

    @property
    def since_s(self) -> float:
        """Give the moment in seconds since 1970."""
        return _seconds(self.since) if self.since else 0.0


def _seconds(at: datetime) -> float:
    return at.timestamp()
