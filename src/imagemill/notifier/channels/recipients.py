"""Whom a gateway may be told to reach: checked, and quoted before it stands in a URL.

Addresses, numbers and registrations come from users; the URL of a gateway comes from the operator
and holds secrets. Nothing of a recipient may become a part of that URL, or a second recipient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from email_validator import EmailNotValidError, validate_email

from imagemill.errors import InvalidRequest

PLACEHOLDER: Final = "{to}"
"""Where the recipient stands in the URL of a gateway."""

_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_{|}~.-]{1,64}")
"""What RFC 5322 allows without quotes, but for `%` and the backtick, which old mail servers and
shells read as more than a letter."""
_TELEPHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164: a plus sign, a country code, 15 digits at most."""
_REGISTRATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:.@=-]{0,1023}")
"""FCM's tokens have about 160 characters. `#` in front would name a topic: other people's devices;
a separator of lists (comma, space) would name two."""


def mail_address(text: str) -> str:
    """Give the address in the form that servers take; raises `InvalidRequest`.

    A domain in other letters becomes its ASCII form; such letters before the `@` are refused.
    """
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidRequest("The mail address is not one that mail can be sent to.") from error
    if not _LOCAL_PART.fullmatch(found.local_part):
        raise InvalidRequest("The mail address has characters that not every gateway reads alike.")
    return f"{found.local_part}@{found.ascii_domain}"


def telephone(text: str) -> str:
    """Give the number unchanged when it is E.164, such as `+491701234567`; or `InvalidRequest`."""
    if not _TELEPHONE.fullmatch(text):
        raise InvalidRequest("The telephone number is not of the form +491701234567.")
    return text


def registration(text: str) -> str:
    """Give the registration of a device unchanged when it can be one; raises `InvalidRequest`."""
    if not _REGISTRATION.fullmatch(text):
        raise InvalidRequest("The registration of the device is not one.")
    return text


CHECKS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"mail": mail_address, "sms": telephone, "push": registration}
)
"""What a recipient of each channel must pass."""


def placed(url: str, to: str) -> str:
    """Put a checked recipient into the URL of a gateway, with every special character quoted."""
    return url.replace(PLACEHOLDER, quote(to, safe=""))
