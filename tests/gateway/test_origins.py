"""Pages of other origins may read nothing, unless they were named."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from imagemill.gateway.service import Gateway
from imagemill.gateway.settings import GatewaySettings
from imagemill.users.service import Users
from tests.gateway.front import asked, front

APP = "https://app.example.com"
ALLOW = "access-control-allow-origin"
ASKING = {"origin": APP, "access-control-request-method": "POST"}


@pytest.mark.parametrize("origin", [APP, "https://evil.example", "null"])
async def test_no_origin_is_allowed_unless_named(gateway: Gateway, origin: str) -> None:
    answer = await asked(gateway, headers={"origin": origin})
    preflight = await asked(gateway, headers={**ASKING, "origin": origin}, method="OPTIONS", key="")

    assert answer.status_code == 200
    assert preflight.status_code == 401
    for each in (answer, preflight):
        assert not [name for name in each.headers if name.startswith("access-control-")]


async def test_a_named_origin_may_read_and_is_shown_what_it_needs(users: Users) -> None:
    gateway = front(users, cors_origins=(APP,))

    for path in ("/api/v1/jobs", "/api/v1/none", "/openapi.json"):
        answer = await asked(gateway, path, {"origin": APP})

        assert answer.headers[ALLOW] == APP
        assert "Origin" in answer.headers["vary"]
        shown = answer.headers["access-control-expose-headers"]
        for name in ("Location", "RateLimit-Remaining", "Retry-After", "ETag", "X-Correlation-ID"):
            assert name in shown
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_browser_may_ask_without_a_key(users: Users) -> None:
    gateway = front(users, cors_origins=(APP,), address_burst=1)

    answers = [await asked(gateway, headers=ASKING, method="OPTIONS", key="") for _ in range(3)]

    assert {each.status_code for each in answers} == {204}
    assert "X-API-Key" in answers[0].headers["access-control-allow-headers"]
    assert "PATCH" in answers[0].headers["access-control-allow-methods"]
    assert answers[0].headers[ALLOW] == APP


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "https://sub.app.example.com",
        "",
    ],
)
async def test_every_other_origin_is_not_allowed(users: Users, origin: str) -> None:
    gateway = front(users, cors_origins=(APP,))

    answer = await asked(gateway, headers={"origin": origin})

    assert ALLOW not in answer.headers
    assert answer.headers["vary"] == "Origin"


async def test_all_may_read_where_that_is_set_but_never_null_nor_with_credentials(
    users: Users,
) -> None:
    gateway = front(users, cors_origins=("*",))

    anybody = await asked(gateway, headers={"origin": "https://evil.example"})
    nobody = await asked(gateway, headers={"origin": "null"})

    assert anybody.headers[ALLOW] == "*"
    assert ALLOW not in nobody.headers
    for each in (anybody, nobody):
        assert "access-control-allow-credentials" not in each.headers


async def test_the_answer_to_who_comes_too_often_can_be_read(users: Users) -> None:
    gateway = front(users, cors_origins=(APP,), key_burst=1)

    answer = [await asked(gateway, headers={"origin": APP}) for _ in range(2)][1]

    assert (answer.status_code, answer.headers[ALLOW]) == (429, APP)


@pytest.mark.parametrize(
    "written", ["null", "app.example.com", "https://a.example/", "https://*.example", "*,https://a"]
)
def test_what_is_no_origin_is_refused_at_the_start(written: str) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings.model_validate({"cors_origins": written})


def test_origins_and_networks_are_written_with_commas() -> None:
    settings = GatewaySettings.model_validate(
        {"cors_origins": f"{APP}, HTTP://Localhost:3000", "trusted_proxies": "10.0.0.0/8,::1"}
    )

    assert settings.cors_origins == (APP, "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
