"""The routes about people: what they were told, a test, and letters from the users service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.contracts.notifier import Channels, Letter
from imagemill.database import Connection, Database
from imagemill.errors import Conflict, Forbidden
from imagemill.notifier import notifications
from imagemill.notifier.contacts import Contacts
from imagemill.notifier.letters import owed_of
from imagemill.notifier.notifications import (
    HOUR_S,
    Cursor,
    Limit,
    NotificationList,
    TestRequest,
)
from imagemill.notifier.people import addresses_of
from imagemill.notifier.records import deliveries, people
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.records.people import Told
from imagemill.web import NO_QUERY, Caller, only_query
from imagemill.web.answers import json_answer
from imagemill.web.internal import answer_processes, asked
from imagemill.web.openapi import BODY_TOO_LARGE, json_body, problem, schemas_of
from imagemill.web.paging import place_of
from imagemill.web.reading import json_object, model_of

_PATH: Final = "/api/v1/notifications"
_NEWEST: Final = 100
_TEST: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.ACCEPTED.value,
    "response_model": NotificationList,
    "responses": {
        409: problem("You have no address for this channel, or nobody has configured it."),
        413: BODY_TOO_LARGE,
        429: problem("You asked for as many tests as one account may have in an hour."),
    },
    "openapi_extra": json_body(TestRequest),
}


@dataclass(frozen=True, slots=True)
class PeopleRoutes:
    """What is answered about people, over the notifier's database."""

    database: Database
    contacts: Contacts
    configured: frozenset[str]
    """Channels that have a gateway."""
    tests_per_hour: int
    bell: asyncio.Event
    """Rung when something is owed."""

    def add_to(self, app: FastAPI) -> None:
        """Let an app answer."""
        answer_processes(app, "POST", "/internal/letters", self.keep)
        answer_processes(app, "GET", "/internal/channels", self.channels)
        app.state.schemas.update(schemas_of(TestRequest))
        app.get(
            _PATH,
            response_model=NotificationList,
            tags=["account"],
            dependencies=[only_query("limit", "cursor")],
        )(self.notifications)
        app.post(f"{_PATH}/test", tags=["account"], dependencies=[NO_QUERY], **_TEST)(self.test)

    async def keep(self, request: Request, _: Identity) -> None:
        """Keep a letter; it is sent soon after."""
        self._require("mail")
        letter = await asked(request, Letter)
        await self._owe(lambda now: [owed_of(letter, now)])

    async def channels(self, _: Request, __: Identity) -> Channels:
        """Tell which channels have a gateway."""
        return Channels(configured=self.configured)

    async def notifications(
        self, caller: Caller, limit: Limit = 50, cursor: Cursor = ""
    ) -> Response:
        """List what you were told by mail, SMS and push, the newest first.

        What a message said is not told again. Messages are forgotten some time after their end.
        """
        before, before_id = place_of(cursor)
        found = await self.database.read(
            lambda each: people.told(each, caller.account, before, before_id, limit + 1)
        )
        return json_answer(notifications.page(found, limit))

    async def test(self, request: Request, caller: Caller) -> Response:
        """Send yourself a test message, to each of your addresses for a channel.

        It is sent at once, in quiet hours too. `GET /api/v1/notifications` tells what became of it.
        """
        if caller.is_service:
            raise Forbidden("This route is for accounts; a process has no address.")
        wanted = model_of(TestRequest, await json_object(request), "No test can be sent like this.")
        self._require(wanted.channel)
        contact = await self.contacts.contact(caller.account)
        addresses = tuple(dict.fromkeys(addresses_of(contact, wanted.channel)))

        def unit(connection: Connection) -> list[Owed]:
            now = connection.now()
            asked_for, first_at = people.tests(connection, caller.account, now - HOUR_S)
            notifications.refuse_too_many(asked_for, first_at, self.tests_per_hour, now)
            owed = notifications.test_owed(caller.account, wanted.channel, addresses, now)
            deliveries.owe(connection, owed)
            return owed

        ids = {each.id for each in await self.database.run(unit)}
        self.bell.set()
        return json_answer(await self._shown(caller.account, ids), HTTPStatus.ACCEPTED)

    async def _owe(self, owed: Callable[[float], list[Owed]]) -> None:
        await self.database.run(lambda each: deliveries.owe(each, owed(each.now())))
        self.bell.set()

    async def _shown(self, account: str, ids: Collection[str]) -> NotificationList:
        def unit(connection: Connection) -> list[Told]:
            # The newest are enough: nothing that is owed now is older than this test.
            found = people.told(connection, account, float("inf"), "", _NEWEST)
            return [each for each in found if each.id in ids]

        return notifications.page(await self.database.read(unit), _NEWEST)

    def _require(self, channel: str) -> None:
        if channel not in self.configured:
            raise Conflict(f"Whoever runs this server has configured no gateway for {channel}.")
