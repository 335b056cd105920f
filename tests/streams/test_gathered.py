"""Pieces of a better size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from imagemill.streams import gathered


async def stream(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@given(pieces=st.lists(st.binary(max_size=20)), least=st.integers(1, 30))
async def test_nothing_is_lost_and_only_the_last_piece_is_short(
    pieces: list[bytes], least: int
) -> None:
    made = [each async for each in gathered(stream(pieces), least)]

    assert b"".join(made) == b"".join(pieces)
    assert all(len(each) >= least for each in made[:-1])
    assert all(made)
