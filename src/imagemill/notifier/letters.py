"""Letters: mail about an account itself, which the users service hands over.

A letter is kept and sent like an event, by the same sender with the same tries, but in a line of
its own, so that it does not wait behind what a batch is told. What it says (a link that lets
somebody in) is forgotten as soon as it was sent, or cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from imagemill.contracts.notifier import Letter
from imagemill.database import Connection
from imagemill.notifier.channels import Kind, Outcome
from imagemill.notifier.channels.recipients import mail_address
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.events import Event, body_of
from imagemill.notifier.people import owed_to
from imagemill.notifier.records import people
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.texts import Said

LETTER: Final = "letter"
"""Type of the event that a letter is kept as; no log has it."""
_LANE: Final = "letters"


def owed_of(letter: Letter, at: float) -> Owed:
    """Owe a letter to its address; raises `InvalidRequest` for an address that is none."""
    to = mail_address(letter.to)
    event = Event(id=f"letter_{letter.id}", type=LETTER, at=at, owner="")
    body = body_of(event, letter.model_dump(include={"subject", "text", "html"}))
    return owed_to(event, body, "mail", to, _LANE)


def said_of(data: Mapping[str, Any]) -> Said:
    """Give a letter as it was written."""
    return Said(str(data["subject"]), str(data["text"]), data.get("html"))


def forget_said(connection: Connection, delivery: Delivery, outcome: Outcome) -> None:
    """Forget what a letter says when it needs no further try; an `Aftermath` of the sender."""
    if delivery.event_type == LETTER and outcome.kind is not Kind.AGAIN:
        people.forget_body(connection, delivery.event_id)
