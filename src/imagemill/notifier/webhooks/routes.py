"""Webhooks over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.database import Connection
from imagemill.idempotency import Running
from imagemill.idempotency.entry import entered, meaning_of
from imagemill.notifier.delivery import Delivery, DeliveryStatus
from imagemill.notifier.records.logbook import Listing
from imagemill.notifier.webhook import Secret, Webhook
from imagemill.notifier.webhooks import openapi
from imagemill.notifier.webhooks.request import RedeliverRequest, WebhookChange, WebhookRequest
from imagemill.notifier.webhooks.service import Webhooks
from imagemill.notifier.webhooks.views import (
    DeliveryDetails,
    DeliveryList,
    Redelivered,
    WebhookList,
    WebhookView,
    delivery_details,
    delivery_view,
    new_webhook,
    secret_view,
    webhook_view,
)
from imagemill.web import NO_QUERY, Caller, only_query
from imagemill.web.answers import json_answer, untold
from imagemill.web.internal import answer_processes
from imagemill.web.openapi import schemas_of
from imagemill.web.paging import MOST, cursor_of, place_of
from imagemill.web.reading import json_object, model_of

_Id = Annotated[str, Path(description="Id of the webhook.")]
_Target = Annotated[
    str, Path(description="Id of the webhook, or `jobs` for the URLs that jobs bring themselves.")
]
_DeliveryId = Annotated[str, Path(description="Id of the delivery.")]
_Limit = Annotated[int, Query(ge=1, le=MOST, description="Entries in one answer.")]
_Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
]
_StatusFilter = Annotated[
    DeliveryStatus | None, Query(description="Only deliveries of this status.")
]
_EventFilter = Annotated[str, Query(max_length=64, description="Only of this type of event.")]


def add_webhooks(app: FastAPI, webhooks: Webhooks) -> None:
    """Let an app keep webhooks, and forget accounts."""
    routes = _Routes(webhooks, Running())
    every, one, logbook = openapi.PATH, f"{openapi.PATH}/{{webhook_id}}", openapi.DELIVERIES
    plain: dict[str, Any] = {"tags": ["webhooks"], "dependencies": [NO_QUERY]}
    paged: dict[str, Any] = {"tags": ["webhooks"], "dependencies": [only_query("limit", "cursor")]}
    listed = only_query("status", "event", "limit", "cursor")
    told: dict[str, Any] = {"tags": ["webhooks"], "dependencies": [listed]}
    app.state.schemas.update(schemas_of(WebhookRequest, WebhookChange, RedeliverRequest))
    app.post(every, **openapi.MAKE, **plain)(routes.make)
    app.get(every, response_model=WebhookList, **paged)(routes.list)
    app.get(one, response_model=WebhookView, **plain)(routes.show)
    app.patch(one, **openapi.CHANGE, **plain)(routes.change)
    app.delete(one, status_code=HTTPStatus.NO_CONTENT, **plain)(routes.remove)
    app.post(f"{one}/rotate-secret", **openapi.ROTATE, **plain)(routes.rotate_secret)
    app.post(f"{one}/test", **openapi.TEST, **plain)(routes.test)
    app.post(f"{one}/redeliver", **openapi.REDELIVER_ALL, **plain)(routes.redeliver_failed)
    app.get(logbook, response_model=DeliveryList, **told)(routes.deliveries)
    app.get(f"{logbook}/{{delivery_id}}", response_model=DeliveryDetails, **plain)(routes.delivery)
    app.post(f"{logbook}/{{delivery_id}}/redeliver", **openapi.REDELIVER, **plain)(routes.redeliver)
    answer_processes(app, "POST", "/internal/accounts/{account}/delete", routes.forget)


@dataclass(frozen=True, slots=True)
class _Routes:
    webhooks: Webhooks
    running: Running

    async def make(self, request: Request, caller: Caller) -> Response:
        """Make a webhook: a URL that is told of your events from now on.

        The answer has the secret that signs what it is sent; it is not shown again.
        """
        value = await json_object(request)
        asked = model_of(WebhookRequest, value, "The webhook cannot be made so.")
        meaning = meaning_of(request, value)
        with entered(request, caller, self.webhooks.database, self.running) as entry:
            if known := await entry.known(meaning):
                return untold(known.answer())

            def keep(connection: Connection, made: Webhook, secret: Secret) -> None:
                body = new_webhook(made, secret).model_dump_json()
                entry.remember(connection, meaning, HTTPStatus.CREATED, made.id, _url(made), body)

            made, secret = await self.webhooks.make(caller.account, asked, keep)
        answer = untold(json_answer(new_webhook(made, secret), HTTPStatus.CREATED))
        answer.headers["location"] = _url(made)
        return answer

    async def list(self, caller: Caller, limit: _Limit = 20, cursor: _Cursor = "") -> WebhookList:
        """List your webhooks, the newest first."""
        found = await self.webhooks.listed(caller.account, *place_of(cursor), limit + 1)
        shown = found[:limit]
        goes_on = len(found) > limit
        return WebhookList(
            webhooks=[webhook_view(each) for each in shown],
            next=cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None,
        )

    async def show(self, webhook_id: _Id, caller: Caller) -> WebhookView:
        """Show a webhook, without its secret."""
        return webhook_view(await self.webhooks.get(caller.account, webhook_id))

    async def change(self, request: Request, webhook_id: _Id, caller: Caller) -> Response:
        """Change a webhook; what is left out stays.

        One that is disabled gives up what is owed to it, which can be delivered again later.
        """
        value = await json_object(request)
        asked = model_of(WebhookChange, value, "The webhook cannot be changed so.")
        after = await self.webhooks.change(caller.account, webhook_id, asked)
        return json_answer(webhook_view(after))

    async def remove(self, webhook_id: _Id, caller: Caller) -> Response:
        """Remove a webhook with all that was delivered to it, and is owed to it."""
        await self.webhooks.remove(caller.account, webhook_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def rotate_secret(
        self, request: Request, webhook_id: _Target, caller: Caller
    ) -> Response:
        """Make the next secret of a webhook; the one before signs beside it for 24 hours.

        `jobs` in the place of the id is the secret of all the URLs that jobs bring themselves.
        """
        meaning = meaning_of(request)
        with entered(request, caller, self.webhooks.database, self.running) as entry:
            if known := await entry.known(meaning):
                return untold(known.answer())

            def keep(connection: Connection, secret: Secret) -> None:
                body = secret_view(secret).model_dump_json()
                location = f"{openapi.PATH}/{webhook_id}"
                entry.remember(connection, meaning, HTTPStatus.OK, webhook_id, location, body)

            made = await self.webhooks.rotate(caller.account, webhook_id, keep)
        return untold(json_answer(secret_view(made)))

    async def test(self, request: Request, webhook_id: _Id, caller: Caller) -> Response:
        """Send a webhook the event `webhook.ping`, whatever events it wants.

        The answer is the delivery; ask for it again to see what came of it.
        """
        meaning = meaning_of(request)
        with entered(request, caller, self.webhooks.database, self.running) as entry:
            if known := await entry.known(meaning):
                return known.answer()

            def keep(connection: Connection, owed: Delivery) -> None:
                body, url = delivery_view(owed).model_dump_json(), _url_of(webhook_id, owed)
                entry.remember(connection, meaning, HTTPStatus.ACCEPTED, owed.id, url, body)

            owed = await self.webhooks.test(caller.account, webhook_id, keep)
        return _owed(webhook_id, owed)

    async def deliveries(
        self,
        webhook_id: _Target,
        caller: Caller,
        status: _StatusFilter = None,
        event: _EventFilter = "",
        limit: _Limit = 20,
        cursor: _Cursor = "",
    ) -> DeliveryList:
        """List what was delivered, could not be, or is owed; the newest first."""
        before, before_id = place_of(cursor)
        wanted = Listing(caller.account, webhook_id, limit, status or "", event, before, before_id)
        found = await self.webhooks.deliveries(wanted)
        shown = found[:limit]
        goes_on = len(found) > limit
        return DeliveryList(
            deliveries=[delivery_view(each) for each in shown],
            next=cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None,
        )

    async def delivery(
        self, webhook_id: _Target, delivery_id: _DeliveryId, caller: Caller
    ) -> DeliveryDetails:
        """Show a delivery: what is sent, and every try with its answer."""
        found, attempts = await self.webhooks.delivery(caller.account, webhook_id, delivery_id)
        return delivery_details(found, attempts)

    async def redeliver(
        self, webhook_id: _Target, delivery_id: _DeliveryId, caller: Caller
    ) -> Response:
        """Deliver again, under the same id and with all tries, whatever became of it before."""
        owed = await self.webhooks.redeliver(caller.account, webhook_id, delivery_id)
        return _owed(webhook_id, owed)

    async def redeliver_failed(
        self, request: Request, webhook_id: _Target, caller: Caller
    ) -> Response:
        """Deliver again all that failed, or all since a moment."""
        value = await json_object(request)
        asked = model_of(RedeliverRequest, value, "This cannot be delivered again.")
        account, since = caller.account, asked.since_s
        count = await self.webhooks.redeliver_failed(account, webhook_id, since)
        return json_answer(Redelivered(redelivered=count), HTTPStatus.ACCEPTED)

    async def forget(self, request: Request, _: Identity) -> None:
        """Remove all that is kept of an account."""
        await self.webhooks.forget_account(request.path_params["account"])


def _owed(webhook_id: str, owed: Delivery) -> Response:
    answer = json_answer(delivery_view(owed), HTTPStatus.ACCEPTED)
    answer.headers["location"] = _url_of(webhook_id, owed)
    return answer


def _url(webhook: Webhook) -> str:
    return f"{openapi.PATH}/{webhook.id}"


def _url_of(webhook_id: str, delivery: Delivery) -> str:
    return f"{openapi.PATH}/{webhook_id}/deliveries/{delivery.id}"
