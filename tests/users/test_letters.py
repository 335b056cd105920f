"""Letters about accounts, and whether there is anybody to send them."""

from __future__ import annotations

import pytest

from imagemill.contracts.notifier import NotifierClient
from imagemill.errors import Unavailable
from imagemill.users.letters import Post, Writer
from imagemill.web import service_app
from tests.users.service import SIGNER, Ledger, client_of, neighbour


async def test_a_notifier_that_knows_no_channels_sends_no_mail() -> None:
    notifier = NotifierClient(client_of(service_app("notifier", SIGNER)))

    assert not await Post(notifier, lambda: 0.0).is_there()
    assert not await Post(None, lambda: 0.0).is_there()


async def test_the_notifier_is_taken_at_its_word_for_a_moment() -> None:
    ledger, now = Ledger(), [0.0]
    post = Post(NotifierClient(client_of(neighbour("notifier", ledger))), lambda: now[0])

    assert await post.is_there()
    ledger.broken = {"notifier"}
    now[0] = 30.0
    assert await post.is_there()
    now[0] = 31.0
    with pytest.raises(Unavailable):
        await post.is_there()


def test_what_a_letter_says_is_text_in_its_html_too() -> None:
    letter = Writer("https://images.example.com?a=1&b=<2>").known("1", "ada@example.com")

    assert letter.html is not None
    assert "a=1&amp;b=&lt;2&gt;" in letter.html
    assert (letter.id, letter.to) == ("1", "ada@example.com")
