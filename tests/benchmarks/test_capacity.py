"""The simulated line before the workers agrees with what queueing theory says of simple lines."""

from __future__ import annotations

import math

import pytest

from benchmarks.capacity import Load, cores_for, wait_s


def exponential(mean_ms: float, parts: int = 2_000) -> list[float]:
    """Give service times that are spread as exponential ones are."""
    return [-mean_ms * math.log(1 - (each + 0.5) / parts) for each in range(parts)]


@pytest.mark.parametrize("busy", [0.5, 0.7, 0.8])
def test_one_core_with_random_services_waits_as_the_formula_says(busy: float) -> None:
    mean_s, rate = 0.1, busy / 0.1

    simulated_s = wait_s(exponential(1000 * mean_s), rate, 1)

    # M/M/1: P(wait > t) = busy * exp(-(1/mean - rate) t), here 5 in 100.
    assert simulated_s == pytest.approx(math.log(busy / 0.05) / (1 / mean_s - rate), rel=0.15)


def test_many_cores_need_no_more_than_a_tenth_of_rest() -> None:
    load = Load(images_a_day=86_400 * 100, peak=1, begins_within_s=1)

    cores = cores_for([500.0], load)

    assert cores == 56


def test_one_core_fewer_would_be_too_few() -> None:
    load = Load(images_a_day=86_400 * 20, peak=1, begins_within_s=0.2)

    cores = cores_for(exponential(100), load)

    assert wait_s(exponential(100), load.rate, cores) <= 0.2
    assert wait_s(exponential(100), load.rate, cores - 1) > 0.2
