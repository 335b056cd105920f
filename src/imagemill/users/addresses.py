"""Mail addresses: as people write them, and in the one form that all spellings share."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from email_validator import EmailNotValidError, validate_email

from imagemill.errors import FieldError, InvalidRequest

LONGEST: Final = 254
"""Characters of an address that can be sent to (RFC 5321)."""


@dataclass(frozen=True, slots=True)
class MailAddress:
    """One address."""

    shown: str
    """As it was written, in Unicode's composed form."""
    key: str
    """The same for all spellings that are one mailbox to people: case and ways to write a letter
    do not count, the domain is in ASCII. Dots and what follows a plus do count."""


def mail_address(text: str, field: str = "email") -> MailAddress:
    """Read an address, asking nothing of the network; raises `InvalidRequest` naming the field."""
    try:
        found = validate_email(text[: LONGEST + 1], check_deliverability=False)
    except EmailNotValidError as error:
        problem = FieldError(field, f"is no mail address: {error}")
        raise InvalidRequest("The mail address cannot be used.", errors=[problem]) from error
    local = _folded(found.local_part)
    return MailAddress(found.normalized, f"{local}@{(found.ascii_domain or '').lower()}")


def key_of(text: str) -> str:
    """Give the form under which an address would be found; anything else has one of its own."""
    try:
        return mail_address(text).key
    except InvalidRequest:
        return _folded(text[:LONGEST])


def _folded(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", composed.casefold())
