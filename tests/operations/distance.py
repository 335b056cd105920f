"""How far two pictures are apart, as far as an eye could see it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]


def visible(levels: NDArray[np.generic]) -> Plane:
    """Multiply alpha into the colour: the colour of what is transparent makes no difference."""
    plane = levels.astype(float)
    if plane.shape[-1] not in {2, 4}:
        return plane
    return np.dstack([plane[..., :-1] * plane[..., -1:] / 255, plane[..., -1:]])


def mean_and_most(made: NDArray[np.generic], wanted: NDArray[np.generic]) -> tuple[float, float]:
    """Give the mean and the largest difference in levels, both from 0 to 255."""
    assert made.shape == wanted.shape, f"{made.shape} was made, {wanted.shape} was wanted"
    apart = np.abs(visible(made) - visible(wanted))
    return float(apart.mean()), float(apart.max())


def psnr(made: NDArray[np.generic], wanted: NDArray[np.generic]) -> float:
    """Give the peak signal-to-noise ratio in decibels; above about 40 no eye sees a difference."""
    assert made.shape == wanted.shape, f"{made.shape} was made, {wanted.shape} was wanted"
    error = float(np.mean((visible(made) - visible(wanted)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
