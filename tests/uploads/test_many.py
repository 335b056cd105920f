"""Many pictures in one form: each is kept or told why not, and the rest go on."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from imagemill.errors import MalformedBody
from tests.acceptance import pictures
from tests.uploads.forms import FORM, file_part, form, part
from tests.uploads.service import LIMITS, OWNER, Service

pytestmark = pytest.mark.slow


async def test_each_picture_becomes_an_image_in_the_order_of_the_form(service: Service) -> None:
    sent = [pictures.png() for _ in range(20)]
    sent.insert(3, pictures.png(1000, 700))
    body = form(*(file_part(each, f"{n}.png") for n, each in enumerate(sent)), part("job", b"{}"))

    taken = await service.upload_many(body)

    images = [each.image for each in taken.items if each.image]
    assert [each.size_bytes for each in images] == [len(each) for each in sent]
    assert [each.name for each in taken.items] == [f"{n}.png" for n in range(21)]
    assert taken.fields == {"job": "{}"}
    found = await service.client.find([each.image_id for each in images], caller=OWNER)
    assert len(found) == len(service.objects()) == 21


async def test_what_is_refused_is_told_by_name_and_the_rest_go_on(service: Service) -> None:
    too_large = b"\x89PNG\r\n\x1a\n" + bytes(LIMITS.max_bytes)
    odd = {
        "text": b"no picture",
        "empty": b"",
        "cut": pictures.jpeg()[:20],
        "large": too_large,
        "noise": bytes(2_000_000),
    }
    body = form(
        file_part(pictures.jpeg(), "first"),
        *(file_part(each, name) for name, each in odd.items()),
        file_part(pictures.jpeg(), "last"),
    )

    taken = await service.upload_many(body)

    told = {each.name: each.error for each in taken.items if each.error}
    codes = {name: error.code for name, error in told.items()}
    assert [each.name for each in taken.items if each.image] == ["first", "last"]
    assert told.keys() == odd.keys()
    assert (codes["text"], codes["empty"], codes["large"], codes["noise"]) == (
        "unsupported_format",
        "truncated",
        "too_large",
        "unsupported_format",
    )
    assert told["large"].limit == {"limit_bytes": LIMITS.max_bytes}
    assert all(each.message for each in told.values())
    assert len(service.objects()) == 2


async def test_the_same_bytes_twice_in_one_form_are_one_image(service: Service) -> None:
    picture = pictures.jpeg()

    taken = await service.upload_many(form(*[file_part(picture)] * 12))

    assert len({each.image.image_id for each in taken.items if each.image}) == 1
    assert len(service.objects()) == 1


async def test_a_form_that_breaks_off_raises_and_leaves_only_what_was_recorded(
    service: Service,
) -> None:
    body = file_part(pictures.jpeg()) + file_part(pictures.png(1000, 700))

    with pytest.raises(MalformedBody):
        await service.upload_many(body[:-100])

    again = await service.upload_many(form(file_part(pictures.jpeg())))
    assert again.items[0].image
    assert len(service.objects()) <= 2
    assert not [each for each in service.objects() if each.name.startswith(".draft")]


async def test_memory_does_not_grow_with_the_form(service: Service) -> None:
    piece = bytes(1 << 18)

    async def long() -> AsyncIterator[bytes]:
        for _ in range(24):
            yield file_part(b"")[:-2]
            for _ in range(20):
                yield piece
            yield b"\r\n"
        yield b"--b--\r\n"

    tracemalloc.start()
    taken = await service.client.take_in_many(long(), {"content-type": FORM}, caller=OWNER)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [each.error.code for each in taken.items if each.error] == ["unsupported_format"] * 24
    assert peak_bytes < 20_000_000
