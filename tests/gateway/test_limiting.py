"""How often somebody may come, and how they are told."""

from __future__ import annotations

from collections import Counter

import pytest

from imagemill.breaker import Breaker, BreakerSettings
from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import Role
from imagemill.contracts.users import Admitted
from imagemill.errors import RateLimited, Unavailable
from imagemill.gateway.limiting import Allowance, Limiter, Tally
from imagemill.rates import Rates, Standing, Window
from imagemill.rates.meanwhile import MeanwhileRates
from imagemill.rates.memory import MemoryRates
from imagemill.users.service import Users
from tests.gateway.front import asked, front

RATELIMIT = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")


class Clock:
    """Seconds that pass when a test says so; a whole minute, for windows to begin at."""

    def __init__(self) -> None:
        self.now = 1_020.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> Rates:
    return MemoryRates(clock)


async def test_every_answer_tells_how_its_caller_stands(users: Users, rates: Rates) -> None:
    gateway = front(users, rates=rates)

    known = await asked(gateway)
    missing = await asked(gateway, "/api/v1/none")
    stranger = await asked(gateway, "/api/v1/open", key="")
    wrong = await asked(gateway, key="im_wrong")

    told = [[each.headers[name] for name in RATELIMIT] for each in (known, missing)]
    assert told == [["1000", left, "120", "1000;w=60, 50;w=1"] for left in ("999", "998")]
    assert [each.headers["ratelimit-remaining"] for each in (stranger, wrong)] == ["59", "58"]
    assert (missing.status_code, wrong.status_code) == (404, 401)


async def test_a_burst_is_refused_until_its_second_is_over(
    users: Users, rates: Rates, clock: Clock
) -> None:
    gateway = front(users, rates=rates, key_burst=3)

    answers = [await asked(gateway) for _ in range(4)]
    clock.now += int(answers[3].headers["retry-after"])
    after = await asked(gateway)

    assert [each.status_code for each in (*answers, after)] == [200, 200, 200, 429, 200]
    problem = answers[3].json()
    assert (problem["code"], problem["limit"]) == (
        "rate_limited",
        {"limit_requests": 3, "within_s": 1},
    )
    assert answers[3].headers["ratelimit-remaining"] == "0"
    assert after.headers["ratelimit-remaining"] == "996"


async def test_a_rate_is_refused_until_one_more_fits(
    users: Users, rates: Rates, clock: Clock
) -> None:
    gateway = front(users, rates=rates, key_per_minute=3)

    answers = [await asked(gateway) for _ in range(4)]
    wait_s = int(answers[3].headers["retry-after"])
    clock.now += wait_s
    after = await asked(gateway)

    assert [each.status_code for each in (*answers, after)] == [200, 200, 200, 429, 200]
    assert 60 <= wait_s <= 62


async def test_wrong_keys_are_refused_and_the_owner_is_not(users: Users, rates: Rates) -> None:
    gateway = front(users, rates=rates)

    wrong = Counter([(await asked(gateway, key=f"im_{n}")).status_code for n in range(1000)])
    same_address, other_address = await asked(gateway), await asked(gateway, address="192.0.2.1")
    stranger = await asked(gateway, "/api/v1/open", key="", address="192.0.2.1")

    assert wrong == {401: 10, 429: 990}
    assert {each.status_code for each in (same_address, other_address, stranger)} == {200}


async def test_wrong_keys_are_counted_where_health_is_asked_too(users: Users, rates: Rates) -> None:
    gateway = front(users, rates=rates, address_burst=2)

    answers = [await asked(gateway, "/health", key="im_wrong") for _ in range(3)]

    assert [each.status_code for each in answers] == [401, 401, 429]


async def test_what_strangers_may_ask_of_the_gateway_itself_is_not_counted(
    users: Users, rates: Rates
) -> None:
    gateway = front(users, rates=rates, key_burst=1, address_burst=1)

    paths = ("/health/live", "/health/ready", "/", "/assets/imagemill.css")
    answers = [await asked(gateway, each) for each in paths for _ in range(3)]

    assert {each.status_code for each in answers} <= {200, 404}
    assert not [each for each in answers if set(RATELIMIT) & each.headers.keys()]


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_what_costs_a_look_is_counted(users: Users, rates: Rates, path: str) -> None:
    gateway = front(users, rates=rates, key_burst=2)

    answers = [await asked(gateway, path) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]


async def test_addresses_are_counted_apart_and_networks_of_ipv6_together(
    users: Users, rates: Rates
) -> None:
    gateway = front(users, rates=rates, address_burst=1)
    addresses = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")

    answers = [await asked(gateway, "/api/v1/open", key="", address=each) for each in addresses]

    assert [each.status_code for each in answers] == [200, 200, 200, 429, 200]


async def test_right_signatures_are_not_counted_and_wrong_ones_are(
    users: Users, rates: Rates
) -> None:
    gateway = front(users, rates=rates, address_burst=2)

    wrong = [await asked(gateway, "/api/v1/signed?signature=x", key="") for _ in range(4)]
    right = [await asked(gateway, "/api/v1/signed?signature=right", key="") for _ in range(4)]

    assert [each.status_code for each in wrong] == [403, 403, 429, 429]
    assert wrong[3].json()["code"] == "rate_limited"
    assert {each.status_code for each in right} == {200}


async def test_what_is_public_is_not_counted_and_guesses_are(users: Users, rates: Rates) -> None:
    gateway = front(users, rates=rates, address_burst=2)

    wrong = [await asked(gateway, f"/public/{n}", key="") for n in range(3)]
    right = [await asked(gateway, "/public/shown", key="") for _ in range(4)]

    assert [each.status_code for each in wrong] == [404, 404, 429]
    assert {each.status_code for each in right} == {200}


async def test_nothing_is_limited_where_the_settings_say_so(users: Users) -> None:
    gateway = front(users, key_per_minute=0, key_burst=0)

    answers = [await asked(gateway) for _ in range(60)]

    assert {each.status_code for each in answers} == {200}
    assert "ratelimit-limit" not in answers[0].headers


async def test_a_keys_own_rate_goes_before_that_of_the_settings(rates: Rates) -> None:
    limiter = Limiter(rates, Allowance(0, 0), Allowance(60, 10))
    identity = Identity(account="a", key_id="k")
    tally = Tally()

    await limiter.count_known(Admitted(identity=identity, rate_per_minute=5, burst=1), tally)

    assert tally.policy == "5;w=60, 1;w=1"
    with pytest.raises(RateLimited):
        await limiter.count_known(Admitted(identity=identity, burst=1), tally)
    await limiter.count_known(Admitted(identity=Identity(account="a"), burst=1), tally)


@pytest.mark.parametrize(
    ("role", "policy"), [(Role.USER, "1000;w=60, 50;w=1"), (Role.ADMIN, "9000;w=60, 900;w=1")]
)
async def test_only_an_admin_lets_a_key_do_more_than_the_settings(
    rates: Rates, role: Role, policy: str
) -> None:
    limiter = Limiter(rates, Allowance(1000, 50), Allowance(60, 10))
    identity = Identity(account="a", key_id="k", role=role)
    tally = Tally()

    await limiter.count_known(Admitted(identity=identity, rate_per_minute=9000, burst=900), tally)

    assert tally.policy == policy


class Unreachable:
    """Rates that nobody keeps."""

    def __init__(self) -> None:
        self.asked = 0

    async def hit(self, name: str, window: Window) -> Standing:
        self.asked += 1
        raise Unavailable("Nobody answers.")


async def test_what_is_shared_and_does_not_answer_is_counted_here_and_left_alone(
    rates: Rates, clock: Clock
) -> None:
    shared = Unreachable()
    breaker = Breaker("redis", BreakerSettings(failures=3, rest_s=5), clock=clock)
    both = MeanwhileRates(shared, rates, breaker)

    told = [await both.hit("a", Window(4, 60)) for _ in range(10)]

    assert [each.is_over for each in told] == [False] * 4 + [True] * 6
    assert shared.asked == 3
    assert breaker.seen().state == "open"
