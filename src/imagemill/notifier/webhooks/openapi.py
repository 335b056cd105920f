"""How the routes of webhooks are described."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from imagemill.notifier.webhooks.request import RedeliverRequest, WebhookChange, WebhookRequest
from imagemill.notifier.webhooks.views import (
    DeliveryView,
    NewWebhook,
    Redelivered,
    SecretView,
    WebhookView,
)
from imagemill.web.openapi import BODY_TOO_LARGE, IDEMPOTENCY_KEY, json_body, location, problem

PATH: Final = "/api/v1/webhooks"
DELIVERIES: Final = f"{PATH}/{{webhook_id}}/deliveries"
_DISABLED: Final = problem("The webhook is disabled, or the `Idempotency-Key` is in use.")


MAKE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": NewWebhook,
    "responses": {
        201: {"description": "The webhook is made.", "headers": location("The webhook.")},
        409: problem("There are as many webhooks as one owner may have."),
        413: BODY_TOO_LARGE,
    },
    "openapi_extra": {
        "parameters": [IDEMPOTENCY_KEY],
        **json_body(WebhookRequest),
    },
}
CHANGE: Final[dict[str, Any]] = {
    "response_model": WebhookView,
    "responses": {413: BODY_TOO_LARGE},
    "openapi_extra": json_body(WebhookChange),
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
        413: BODY_TOO_LARGE,
    },
    "openapi_extra": json_body(RedeliverRequest),
}
