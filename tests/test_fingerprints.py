"""Fingerprints say what pictures look like, by algorithms written a second time with numpy."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagemill.fingerprints import Grid, blurhash, dominant, perceptual_hash, thumbhash
from tests.engine.orders_given import landscape

Plane = NDArray[np.float64]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def _grid(width: int, height: int, seed: int = 1, alpha: int = 255) -> Grid:
    picture = landscape(width, height, seed).convert("RGBA")
    picture.putalpha(alpha)
    return Grid.of_bytes(width, height, picture.tobytes())


def _flat(red: int, green: int, blue: int, alpha: int = 255) -> Grid:
    return Grid.of_bytes(8, 6, bytes([red, green, blue, alpha]) * 48)


def _array(grid: Grid) -> Plane:
    return np.array(grid.pixels, dtype=float).reshape(grid.height, grid.width, 4)


def test_a_blurhash_decodes_to_a_blurred_picture() -> None:
    grid = _grid(32, 24)

    decoded = _unblurred(blurhash(grid), 32, 24)

    wanted = _lowpass(_light(_array(grid)[..., :3] / 255), 4, 3)
    assert np.abs(decoded - wanted).mean() < 0.03


@pytest.mark.parametrize(
    ("colour", "expected"),
    [((0, 0, 0), "00" + "0000"), ((255, 255, 255), "00" + "TSUA"), ((255, 0, 0), "00" + "TI:j")],
)
def test_a_blurhash_of_one_wave_is_the_average(colour: tuple[int, int, int], expected: str) -> None:
    assert blurhash(_flat(*colour), 1, 1) == expected


@pytest.mark.parametrize(("across", "down"), [(1, 1), (4, 3), (9, 9), (2, 7)])
def test_a_blurhash_is_as_long_as_its_waves(across: int, down: int) -> None:
    assert len(blurhash(_grid(16, 16), across, down)) == 4 + 2 * across * down


@pytest.mark.parametrize("size", [(32, 24), (24, 32), (32, 32), (32, 5), (1, 1)])
@pytest.mark.parametrize("alpha", [255, 128])
def test_a_thumbhash_decodes_to_the_average_colour_and_shape(
    size: tuple[int, int], alpha: int
) -> None:
    grid = _grid(*size, alpha=alpha)
    data = base64.b64decode(thumbhash(grid))

    red, green, blue, opacity, ratio = _average_of_thumbhash(data)

    wanted = _array(grid)[..., :3].mean(axis=(0, 1)) / 255
    assert np.abs(np.array([red, green, blue]) - wanted).max() < 0.05
    assert abs(opacity - alpha / 255) < 0.04
    assert ratio == pytest.approx(size[0] / size[1], rel=0.35) or min(size) < 6
    assert len(data) <= 25


def test_a_perceptual_hash_is_that_of_the_textbook() -> None:
    grid = _grid(32, 32)

    found = perceptual_hash(grid)

    luma = _array(grid)[..., :3] @ [0.299, 0.587, 0.114]
    at, wave = np.meshgrid(np.arange(32), np.arange(8))
    cosines = np.cos(np.pi * wave * (at + 0.5) / 32)
    terms = cosines @ luma @ cosines.T
    bits = (terms > np.median(terms)).flatten()
    assert found == f"{int(''.join(str(int(bit)) for bit in bits), 2):016x}"


def test_pictures_that_look_alike_have_hashes_that_are_alike() -> None:
    grid, other = _grid(32, 32, seed=1), _grid(32, 32, seed=2)
    lighter = Grid(32, 32, tuple((min(r + 9, 255), g, b, a) for r, g, b, a in grid.pixels))
    turned = Grid(32, 32, grid.pixels[::-1])

    assert _apart(grid, other) <= 10
    assert _apart(grid, lighter) <= 10
    assert _apart(grid, turned) > 16


def test_colours_are_found_with_their_shares() -> None:
    red, blue = (200, 10, 20, 255), (10, 20, 220, 255)
    grid = Grid(10, 4, (red,) * 30 + (blue,) * 10)

    assert dominant(grid, 5) == [("#c80a14", 0.75), ("#0a14dc", 0.25)]


def test_what_is_transparent_has_no_colour() -> None:
    assert dominant(_flat(200, 10, 20, alpha=0), 5) == []
    assert dominant(_flat(200, 10, 20), 0) == []


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 16),
    st.binary(min_size=576, max_size=576),
)
def test_no_picture_makes_a_fingerprint_fail(
    width: int, height: int, count: int, noise: bytes
) -> None:
    grid = Grid.of_bytes(width, height, noise[: width * height * 4])

    found = dominant(grid, count)

    assert len(found) <= count
    assert not found or sum(share for _, share in found) == pytest.approx(1)
    assert len(blurhash(grid)) == 28
    assert 5 <= len(base64.b64decode(thumbhash(grid))) <= 27


def _apart(one: Grid, other: Grid) -> int:
    return (int(perceptual_hash(one), 16) ^ int(perceptual_hash(other), 16)).bit_count()


def _light(coded: Plane) -> Plane:
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _cosines(size: int, count: int) -> Plane:
    at, wave = np.meshgrid(np.arange(size), np.arange(count))
    cosines: Plane = np.cos(np.pi * wave * (at + 0.5) / size)
    return cosines


def _lowpass(light: Plane, across: int, down: int) -> Plane:
    """Keep the first waves of each band."""
    height, width = light.shape[:2]
    rows, columns = _cosines(height, down), _cosines(width, across)
    weights = np.outer([1] + [2] * (down - 1), [1] + [2] * (across - 1)).astype(float)
    weights[1:, 1:] = 2  # The format doubles each wave once, though two directions would need four.
    planes = []
    for band in range(3):
        terms = rows @ light[..., band] @ columns.T / (height * width) * weights
        planes.append(rows.T @ terms @ columns)
    return np.dstack(planes)


def _unblurred(text: str, width: int, height: int) -> Plane:
    numbers = [DIGITS.index(sign) for sign in text]
    across, down = numbers[0] % 9 + 1, numbers[0] // 9 + 1
    peak = (numbers[1] + 1) / 166
    average = numbers[2] * 83**3 + numbers[3] * 83**2 + numbers[4] * 83 + numbers[5]
    first = _light(np.array([average >> 16, average >> 8 & 255, average & 255]) / 255)
    waves = [first]
    for at in range(6, len(numbers), 2):
        value = numbers[at] * 83 + numbers[at + 1]
        steps = np.array([value // 361, value // 19 % 19, value % 19]) - 9
        waves.append(np.sign(steps) * (steps / 9.0) ** 2 * peak)
    rows, columns = _cosines(height, down), _cosines(width, across)
    terms = np.array(waves).reshape(down, across, 3)
    return np.dstack([rows.T @ terms[..., band] @ columns for band in range(3)])


def _average_of_thumbhash(data: bytes) -> tuple[float, float, float, float, float]:
    """Read the head of a thumbhash as its documentation tells."""
    head = int.from_bytes(data[:3], "little")
    tail = int.from_bytes(data[3:5], "little")
    luma, yellow, red_green = (
        (head & 63) / 63,
        (head >> 6 & 63) / 31.5 - 1,
        (head >> 12 & 63) / 31.5 - 1,
    )
    clear, landscape_ = head >> 23 & 1, tail >> 15 & 1
    blue = luma - 2 / 3 * yellow
    red = (3 * luma - blue + red_green) / 2
    most = 5 if clear else 7
    ratio = most / (tail & 7) if landscape_ else (tail & 7) / most
    opacity = (data[5] & 15) / 15 if clear else 1.0
    return red, red - red_green, blue, opacity, ratio
