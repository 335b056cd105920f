"""How the routes of webhooks are described."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from imagemill.notifier.webhooks.request import RedeliverRequest, WebhookChange, WebhookRequest
from imagemill.notifier.webhooks.views import (
    DeliveryView,
    NewWebhook,
    Redelivered,
    SecretView,
    WebhookView,
)
from imagemill.web.openapi import IDEMPOTENCY_KEY, REF_TEMPLATE, location, problem

PATH: Final = "/api/v1/webhooks"
DELIVERIES: Final = f"{PATH}/{{webhook_id}}/deliveries"
_BODY_TOO_LARGE: Final = problem("The body has too many bytes; `limit` says how many it may have.")
_DISABLED: Final = problem("The webhook is disabled, or the `Idempotency-Key` is in use.")


def _carrying(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": REF_TEMPLATE.format(model=model.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


MAKE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": NewWebhook,
    "responses": {
        201: {"description": "The webhook is made.", "headers": location("The webhook.")},
        409: problem("There are as many webhooks as one owner may have."),
        413: _BODY_TOO_LARGE,
    },
    "openapi_extra": {
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": _carrying(WebhookRequest),
    },
}
CHANGE: Final[dict[str, Any]] = {
    "response_model": WebhookView,
    "responses": {413: _BODY_TOO_LARGE},
    "openapi_extra": {"requestBody": _carrying(WebhookChange)},
}
ROTATE: Final[dict[str, Any]] = {
    "response_model": SecretView,
    "responses": {409: problem("The first request with this key is still being answered.")},
    "openapi_extra": {"parameters": [IDEMPOTENCY_KEY]},
}
TEST: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": DeliveryView,
    "responses": {
        202: {"description": "It is owed.", "headers": location("The delivery.")},
        409: _DISABLED,
    },
    "openapi_extra": {"parameters": [IDEMPOTENCY_KEY]},
}
REDELIVER: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": DeliveryView,
    "responses": {
        202: {"description": "It is owed again.", "headers": location("The delivery.")},
        409: _DISABLED,
    },
}
REDELIVER_ALL: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": Redelivered,
    "responses": {
        202: {"description": "They are owed again."},
        409: _DISABLED,
        413: _BODY_TOO_LARGE,
    },
    "openapi_extra": {"requestBody": _carrying(RedeliverRequest)},
}
