"""What became of one sending, read from what a gateway's server said to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SMTP: Final = re.compile(r"\((?P<code>[2-5][0-9]{2}), b['\"]")
"""A reply as smtplib's errors show it: `(550, b'5.1.1 no such user')`."""
_OTHER: Final = re.compile(r"\berror=(?P<code>[0-9]{3,5})\b")
"""An HTTP status, or Twilio's own code in its place, as apprise logs it."""
_GONE: Final = re.compile(
    r"^Removing expired Vapid subscription|- not found in subscriptions\.json"
)

_ABOUT_THE_GATEWAY: Final = frozenset({530, 534, 535, 538})
"""SMTP replies to a login: the operator can set it right, and what waits is sent then."""
_NEVER: Final = frozenset(
    {
        *(400, 404, 410, 413, 422),
        # Twilio: no such number, not one for SMS, not reachable, and asked not to be told.
        *(21211, 21214, 21217, 21610, 21612, 21614),
    }
)
"""Answers that say that this message to this recipient will be refused again. 401 and 403 are not
among them: they are about the gateway's credentials."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a sending failed, and whether trying again can help."""

    reason: str
    """For the log of deliveries; says nothing of the gateway's URL and nothing of the recipient."""
    is_final: bool


def verdict_of(lines: Iterable[str]) -> Verdict:
    """Read why a sending failed; what nobody can tell is worth another try."""
    for line in lines:
        if _GONE.search(line):
            return Verdict("The gateway does not know this registration any more.", is_final=True)
        if found := _SMTP.search(line):
            code = int(found["code"])
            is_final = code >= 500 and code not in _ABOUT_THE_GATEWAY
            return Verdict(f"The mail server answered {code}.", is_final=is_final)
        if found := _OTHER.search(line):
            code = int(found["code"])
            return Verdict(f"The gateway answered {code}.", is_final=code in _NEVER)
    return Verdict("The gateway did not answer, or not in time.", is_final=False)
