"""An API key as it is kept, and what can be asked for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import Role
from imagemill.contracts.users import Admitted
from imagemill.errors import FieldError, InvalidRequest
from imagemill.users.key_scopes import held
from imagemill.web.reading import model_of

_LONGEST_LIFE_S: Final = 10 * 366 * 86_400
_Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an account."""

    key_id: str
    """Names it without telling it; stays when the secret is changed."""
    account: str
    name: str
    prefix: str
    """What its secret begins with, for people who look for it."""
    sha256: str
    """Of the secret, in hexadecimal; the secret itself is kept nowhere."""
    scopes: frozenset[str]
    created_at: float
    """Seconds since 1970, as every time here."""
    role: Role = Role.USER
    """The account's, which bounds what the key may do."""
    previous_sha256: str | None = None
    """Of the secret before, until `previous_until`; None where it was never changed."""
    previous_until: float | None = None
    is_generated: bool = False
    """Whether it is the one that the first start made; its file decides about its secret."""
    expires_at: float | None = None
    """None for one that does not end by itself."""
    last_used_at: float | None = None
    """Noted once a minute at most; None before the first use."""
    revoked_at: float | None = None
    rate_per_minute: int | None = None
    """Requests a minute; None where the gateway's setting counts, and so for `burst`."""
    burst: int | None = None
    monthly_jobs: int | None = None
    """Jobs that it may make in a calendar month, UTC; None for no bound of its own."""
    stored_bytes: int | None = None
    """Bytes that originals which it brought in may take up; None for no bound of its own."""
    max_retries: int | None = None
    """Tries after the first for jobs that it makes; None where the jobs service decides."""
    timeout_s: float | None = None
    """Seconds for one attempt at such a job; None where the jobs service decides."""

    @property
    def identity(self) -> Identity:
        """What every service may know of who shows the key."""
        return Identity(
            account=self.account,
            scopes=self.scopes if self.role is Role.ADMIN else held(self.scopes, self.role),
            role=self.role,
            key_id=self.key_id,
            max_retries=self.max_retries,
            timeout_s=self.timeout_s,
            monthly_jobs=self.monthly_jobs,
            stored_bytes=self.stored_bytes,
        )

    @property
    def admitted(self) -> Admitted:
        """What the gateway needs to let in who shows the key."""
        return Admitted(
            identity=self.identity, rate_per_minute=self.rate_per_minute, burst=self.burst
        )

    @property
    def digests(self) -> tuple[str, ...]:
        """What its secrets, the one before included, are known by."""
        return tuple(filter(None, (self.sha256, self.previous_sha256)))

    @property
    def is_bounded(self) -> bool:
        """Whether it has a rate or a quota of its own."""
        bounds = (self.rate_per_minute, self.burst, self.monthly_jobs, self.stored_bytes)
        return any(each is not None for each in bounds)

    def is_live(self, now: float) -> bool:
        """Tell whether it opens anything at a moment."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class KeyChange(BaseModel):
    """What shall be set for a key; what is left out stays, null resets to the server's setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_retries: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=20,
        description="Tries after the first, when the error is one that may pass.",
        examples=[2],
    )
    timeout_s: float | None = Field(
        default=None,
        strict=True,
        allow_inf_nan=False,
        ge=1,
        le=3600,
        description="Seconds of work after which an attempt is killed.",
        examples=[30],
    )


class KeyTerms(KeyChange):
    """How much and for how long a key may be used."""

    expires_at: AwareDatetime | None = Field(
        default=None,
        description="When it opens nothing any more; null for never.",
        examples=["2027-01-31T00:00:00Z"],
    )
    expires_in_s: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=_LONGEST_LIFE_S,
        description="The same as seconds from now.",
        examples=[2_592_000],
    )
    rate_per_minute: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=1_000_000,
        description="Requests a minute; null for the server's setting.",
        examples=[600],
    )
    burst: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=100_000,
        description="Requests at once; null for the server's setting.",
        examples=[50],
    )
    monthly_jobs: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=10**12,
        description="Jobs in a calendar month, UTC; null for no bound of its own.",
        examples=[10_000],
    )
    stored_bytes: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=2**53,
        description="Bytes of the originals that it brought in and that are kept; null for no "
        "bound of its own.",
        examples=[10_000_000_000],
    )


class KeyPatch(KeyTerms):
    """What shall be changed of a key; what is left out stays, null resets."""

    name: _Name | None = Field(default=None, description="What people call it.")
    scopes: list[str] | None = Field(
        default=None, min_length=1, max_length=32, description="What it may do, all of it."
    )


class KeyRequest(KeyTerms):
    """A key that shall be made."""

    name: _Name = Field(description="What people call it.", examples=["website"])
    scopes: list[str] = Field(
        min_length=1,
        max_length=32,
        description="What it may do: `jobs:read`, `jobs:*` for all about jobs, `*` for all that "
        "the account may do.",
        examples=[["images:*", "jobs:*"]],
    )


class RotateRequest(BaseModel):
    """How a key's secret shall be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overlap_s: int = Field(
        default=0,
        strict=True,
        ge=0,
        le=30 * 86_400,
        description="Seconds for which the old secret opens as well.",
        examples=[3600],
    )


def change_of(value: Mapping[str, Any]) -> KeyChange:
    """Read a change from a JSON object; raises `InvalidRequest` naming all that is wrong."""
    return model_of(KeyChange, value, "The key cannot be set so.")


def patch_of(value: Mapping[str, Any]) -> KeyPatch:
    """Read a change of any kind from a JSON object; raises `InvalidRequest` like `change_of`."""
    patch = model_of(KeyPatch, value, "The key cannot be changed so.")
    names = ("name", "scopes")
    nothing = [
        FieldError(each, "cannot be null.")
        for each in names
        if each in patch.model_fields_set and getattr(patch, each) is None
    ]
    if nothing:
        raise InvalidRequest("The key cannot be changed so.", errors=nothing)
    return patch


def request_of(value: Mapping[str, Any]) -> KeyRequest:
    """Read what key shall be made from a JSON object; raises `InvalidRequest` like `change_of`."""
    return model_of(KeyRequest, value, "The key cannot be made so.")


def changed(key: Key, change: KeyChange) -> Key:
    """Set what the change names, and nothing else."""
    named = change.model_dump(exclude_unset=True, exclude={"expires_at", "expires_in_s", "scopes"})
    return replace(key, **named)


def expiry_of(terms: KeyTerms, now: float) -> float | None:
    """Tell when a key shall end, None for never; raises `InvalidRequest` for two answers or a past.

    What is said in both ways is refused, and so is a time that is over.
    """
    given = terms.expires_at
    if given is not None and terms.expires_in_s is not None:
        raise _no_expiry("expires_in_s", "is given beside `expires_at`; give one of the two.")
    if terms.expires_in_s is not None:
        return now + terms.expires_in_s
    if given is None:
        return None
    if not now < given.timestamp() <= now + _LONGEST_LIFE_S:
        raise _no_expiry("expires_at", "must be in the future, ten years from now at most.")
    return given.timestamp()


def says_expiry(terms: KeyTerms) -> bool:
    """Tell whether an end is set or taken away."""
    return bool({"expires_at", "expires_in_s"} & terms.model_fields_set)


def time_of(seconds: float | None) -> datetime | None:
    """Show a time, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _no_expiry(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest("The key cannot end so.", errors=[FieldError(field, problem)])
