"""A gateway before services that are as small as they can be, for tests of what it does itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_network
from typing import Any

import httpx2
from fastapi import FastAPI, Request

from imagemill.cache.memory import MemoryCache
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import ADDRESS, Identity, Signer
from imagemill.contracts.transport import InMemory
from imagemill.contracts.users import UsersClient
from imagemill.errors import NotFound, SignatureInvalid
from imagemill.gateway.door import Door
from imagemill.gateway.limiting import limiter
from imagemill.gateway.origins import Origins
from imagemill.gateway.service import Gateway
from imagemill.gateway.settings import GatewaySettings
from imagemill.rates import Rates
from imagemill.rates.memory import MemoryRates
from imagemill.telemetry.meter import Meter
from imagemill.users.service import Users
from imagemill.web import service_app
from imagemill.web.watching import metrics_of

KEY = "im_of_a_test"
HEADERS = {b"x-api-key": KEY.encode()}
SIGNER = Signer(b"s" * 32)


def front(users: Users, *, rates: Rates | None = None, **settings: object) -> Gateway:
    """Make a gateway that remembers callers for five minutes, before users and echoes."""
    service, found = InMemory(users.app()), GatewaySettings.model_validate(settings)
    asking = Identity(account="gateway", scopes=frozenset({"service"}))
    client = UsersClient(ServiceClient(service, SIGNER, asking))
    return Gateway(
        Door(client, MemoryCache(time.monotonic), remember_s=300),
        limiter(rates or MemoryRates(time.monotonic), found),
        Origins(found.cors_origins),
        [ip_network(each) for each in found.trusted_proxies],
        SIGNER,
        peers={},
        needs=(),
        routes={
            "/api/v1/api-keys": service,
            "/api/v1/": InMemory(echoes()),
            "/public/": InMemory(echoes()),
        },
        open_paths=frozenset({"/api/v1/open", "/public/"}),
        version="0",
        breakers=dict,
        is_leaving=bool,
        metrics=partial(metrics_of, Meter()),
    )


def echoes() -> FastAPI:
    """Make a service that says where a request came from, and takes one signature."""
    app = service_app("Echoes", SIGNER)

    @app.get("/api/v1/jobs", tags=["jobs"])
    @app.get("/api/v1/open", tags=["jobs"], openapi_extra={"security": []})
    async def echo(request: Request) -> dict[str, str]:
        return {"address": request.headers[ADDRESS]}

    @app.get("/public/{name}", tags=["images"], openapi_extra={"security": []})
    async def public(name: str) -> dict[str, str]:
        if name != "shown":
            raise NotFound("There is no such image.")
        return {}

    @app.get("/api/v1/signed", tags=["jobs"], openapi_extra={"security": [{"signature": []}]})
    async def signed(request: Request) -> dict[str, str]:
        if request.query_params["signature"] != "right":
            raise SignatureInvalid("The signature is not right.")
        return {}

    return app


async def asked(
    gateway: Gateway,
    path: str = "/api/v1/jobs",
    headers: Mapping[str, str] | None = None,
    *,
    key: str = KEY,
    method: str = "GET",
    address: str = "203.0.113.7",
    **more: Any,  # noqa: ANN401 - what httpx2 takes
) -> httpx2.Response:
    """Send a request from an address; an empty key shows none."""
    shown = {"x-api-key": key} if key else {}
    transport = httpx2.ASGITransport(gateway, client=(address, 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path, headers={**shown, **(headers or {})}, **more)
