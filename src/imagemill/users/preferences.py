"""How somebody wants to be told, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from imagemill.contracts.users import QuietHours
from imagemill.web.reading import model_of

_TIME: Final = r"^([01]\d|2[0-3]):[0-5]\d$"
_E164: Final = r"^\+[1-9]\d{6,14}$"
Event = Literal[
    "job.completed", "job.failed", "job.dead", "batch.completed", "image.stored", "image.failed"
]
Channel = Literal["mail", "sms", "push"]


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("names something twice; name it once.")
    return values


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no IANA time zone, such as Europe/Berlin.") from error
    return name


class Quiet(BaseModel):
    """A part of each day in which nothing is told; it waits for the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: str = Field(pattern=_TIME, description="Time of day.", examples=["22:00"])
    end: str = Field(
        pattern=_TIME, description="Before `start` where it spans midnight.", examples=["07:00"]
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", max_length=64, description="IANA name.", examples=["Europe/Berlin"]
    )

    @property
    def hours(self) -> QuietHours:
        """Give it as services say it to each other."""
        return QuietHours(start=self.start, end=self.end, time_zone=self.time_zone)


class Preferences(BaseModel):
    """What is told to an account's owner, by which channels, and when not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: dict[Event, Annotated[tuple[Channel, ...], AfterValidator(_once)]] = Field(
        default_factory=dict,
        description="Channels by type of event; a type that is missing is not told.",
        examples=[{"job.failed": ["mail"], "batch.completed": ["mail", "push"]}],
    )
    telephone: str | None = Field(
        None, pattern=_E164, description="E.164; for `sms`.", examples=["+491701234567"]
    )
    push: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...], AfterValidator(_once)
    ] = Field(
        (),
        max_length=10,
        description="Registrations of devices, as the operator's push gateway knows them.",
    )
    quiet: Quiet | None = Field(
        None, description="Hours in which nothing is told; it waits for their end."
    )
    digest: bool = Field(
        True,
        strict=True,
        description="Whether a batch is told once, at its end, in the place of each of its jobs.",
    )


def changed(preferences: Preferences, change: Mapping[str, Any]) -> Preferences:
    """Set each field that the change names; null goes back to the default.

    Raises `InvalidRequest` naming all that is wrong.
    """
    kept = preferences.model_dump(mode="json", exclude_unset=True) | dict(change)
    given = {name: value for name, value in kept.items() if value is not None}
    unknown_nulls = {
        name: value
        for name, value in change.items()
        if value is None and name not in Preferences.model_fields
    }
    return model_of(Preferences, given | unknown_nulls, "The preferences cannot be set so.")
