"""An owner finds their images again: by what they are, are called, carry, and were put under."""

from __future__ import annotations

import io
import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image as Pillow

from imagemill.contracts.facts import Facts, Format
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, ImageText
from imagemill.database import Connection
from imagemill.errors import InvalidRequest, NotFound
from imagemill.uploads import records
from imagemill.uploads.finding import Filters, Place, Sort, Wanted
from imagemill.uploads.records import dialects, finding
from imagemill.uploads.words import word_terms
from tests.peers.engines import POSTGRES, plan_of
from tests.peers.proof import server_mark
from tests.uploads.forms import FORM, file_part, form, part, stream
from tests.uploads.service import OWNER, Service

OTHER = Identity(account="other", scopes=frozenset({"*"}))
JSON = dict[str, Any]


async def kept(
    service: Service,
    width: int = 8,
    height: int = 8,
    kind: str = "png",
    *,
    owner: Identity = OWNER,
    sha256: str | None = None,
    size_bytes: int = 100,
    text: str = "",
    **changes: object,
) -> str:
    """Put an image there, described so; give its id."""
    image = Image(
        image_id=str(uuid.uuid4()),
        owner=owner.account,
        storage_key="aa/none",
        sha256=sha256 or uuid.uuid4().hex,
        size_bytes=size_bytes,
        facts=Facts(format=Format(kind), width=width, height=height),
        created_at=service.clock.now,
    )
    service.clock.now += 1
    await service.uploads.database.run(lambda each: records.add(each, image, text))
    if changes:
        await patched(service, image.image_id, owner, **changes)
    return image.image_id


async def patched(
    service: Service, image_id: str, owner: Identity = OWNER, **changes: object
) -> JSON:
    body = stream(json.dumps(changes).encode())
    headers = {"content-type": "application/json"}
    path = f"/api/v1/images/{image_id}"
    reply = await service.client.service.call("PATCH", path, body, caller=owner, headers=headers)
    return dict(json.loads(reply.body))


async def page(service: Service, owner: Identity = OWNER, **query: Any) -> JSON:  # noqa: ANN401 - as URLs take it
    written = urlencode({k.replace("__", "."): v for k, v in query.items()}, doseq=True)
    return dict(json.loads((await service.ask("GET", f"/api/v1/images?{written}", owner)).body))


async def found(service: Service, owner: Identity = OWNER, **query: Any) -> list[str]:  # noqa: ANN401 - as URLs take it
    return [each["image_id"] for each in (await page(service, owner, **query))["images"]]


async def test_images_are_listed_the_newest_first(shelf: Service) -> None:
    ids = [await kept(shelf) for _ in range(3)]

    assert await found(shelf) == ids[::-1]
    assert await found(shelf, order="asc") == ids


async def test_images_are_found_by_what_they_are(shelf: Service) -> None:
    small = await kept(shelf, 8, 9)
    jpeg = await kept(shelf, 8, 8, "jpeg", size_bytes=7)
    large = await kept(shelf, 300, 200)
    size = (await page(shelf, format="jpeg"))["images"][0]["size_bytes"]

    assert await found(shelf, format="jpeg") == [jpeg]
    assert await found(shelf, min_width=9) == [large]
    assert await found(shelf, max_width=8) == [jpeg, small]
    assert await found(shelf, min_height=9, max_height=199) == [small]
    assert await found(shelf, min_bytes=size, max_bytes=size) == [jpeg]
    assert await found(shelf, status="stored") == [large, jpeg, small]
    assert await found(shelf, status="pending") == []


async def test_images_are_found_by_when_they_came(shelf: Service) -> None:
    first, second = [await kept(shelf) for _ in range(2)]
    moment = (await page(shelf))["images"][0]["created_at"]

    assert await found(shelf, since=moment) == [second]
    assert await found(shelf, until=moment) == [first]


@pytest.mark.parametrize("sort", ["created_at", "size_bytes", "width", "name"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_list_goes_on_page_after_page(shelf: Service, sort: str, order: str) -> None:
    for number in range(5):
        half = number // 2
        await kept(shelf, 8 + half, size_bytes=half, name=f"N{half}.png", tags=["all"])
    whole = await found(shelf, sort=sort, order=order)

    lists: list[JSON] = [{}, {"tag": "all"}]
    for more in lists:
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            one = await page(shelf, sort=sort, order=order, limit=2, cursor=cursor, **more)
            seen += [each["image_id"] for each in one["images"]]
            cursor = one["next"]
        assert seen == whole
    assert len(set(whole)) == 5


@pytest.mark.both_engines
async def test_every_way_to_read_a_list_gives_the_same_list(shelf: Service) -> None:
    for number in range(6):
        tags = ["one"] if number % 2 else ["one", "two"]
        await kept(shelf, 8 + number // 2, size_bytes=number // 3, name=f"{number % 4}", tags=tags)

    def lists(connection: Connection) -> list[list[list[Place]]]:
        return [
            [finding.found(connection, "owner", each, few=few) for few in (0, 100)]
            for each in every_list()
        ]

    both = await shelf.uploads.database.read(lists)

    assert [walked for walked, looked_up in both if walked != looked_up] == []
    assert {len(walked) for walked, _ in both} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "_engine", [pytest.param(POSTGRES, marks=server_mark("postgres"))], indirect=True
)
async def test_words_are_looked_up_in_the_index_on_postgres(shelf: Service) -> None:
    await kept(shelf, name="Harbour.png")
    await shelf.uploads.database.run(five_thousand)
    asked = {
        "terms": dialects.POSTGRES.terms(word_terms("owner", ["harbour"])),
        "owner": "owner",
        "most": 10,
    }
    looked_up = dialects.POSTGRES.from_terms.format(key="images.number", name="''")

    def plans(connection: Connection) -> list[str]:
        return [plan_of(connection, each, asked) for each in (dialects.POSTGRES.count, looked_up)]

    read = await shelf.uploads.database.read(plans)

    assert ["Index Scan on image_words_by_term" in plan for plan in read] == [True, True], read


def five_thousand(connection: Connection) -> None:
    """Put rows there as they are after years, and let the engine look at them."""
    connection.execute("""
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, created_at, number)
SELECT 'i' || n, 'owner', 's' || n, 'k', 1, '{}', n, n FROM generate_series(1000, 6000) AS n
""")
    connection.execute("""
INSERT INTO image_words (number, words)
SELECT n, array_to_tsvector(ARRAY['w' || n % 500]) FROM generate_series(1000, 6000) AS n
""")
    connection.execute("ANALYZE images")
    connection.execute("ANALYZE image_words")


def every_list() -> Iterator[Wanted]:
    """List pages in each order, from the start and from within, with and without conditions."""
    for sort, descending, width, after in itertools.product(
        Sort, (True, False), (None, 9, 20), (None, 3)
    ):
        key: str | int = "1" if sort is Sort.NAME else 1 if sort is Sort.SIZE_BYTES else 9
        filters = Filters(tags=("one",), min_width=width)
        place = Place(key, after) if after else None
        yield Wanted(filters, sort, descending, limit=2, after=place)


async def test_a_cursor_leads_into_its_own_list_alone(shelf: Service) -> None:
    for _ in range(3):
        await kept(shelf)
    cursor = (await page(shelf, limit=1))["next"]

    assert len(await found(shelf, limit=2, cursor=cursor)) == 2
    wrongs: list[JSON] = [
        {"cursor": cursor, "sort": "name"},
        {"cursor": cursor, "order": "asc"},
        {"cursor": cursor, "tag": "sea"},
        {"cursor": "x"},
        {"cursor": "é"},
        {"cursor": "WzFd"},
        {"cursor": "bnVsbA"},
        {"cursor": cursor[:-4]},
        {"cursor": Wanted().cursor(Place(1, 10**30))},
        {"cursor": Wanted().cursor(Place(10**30, 1)), "sort": "created_at"},
        {"cursor": Wanted().cursor(Place(1, -1))},
    ]
    for wrong in wrongs:
        with pytest.raises(InvalidRequest):
            await page(shelf, **wrong)


async def test_images_are_found_by_all_tags_and_metadata_that_are_named(shelf: Service) -> None:
    sea = await kept(shelf, tags=["Sea", "holiday "], metadata={"of": "atlas"})
    city = await kept(shelf, tags=["city", "holiday"])

    assert await found(shelf, tag="holiday") == [city, sea]
    assert await found(shelf, tag=["holiday", "SEA"]) == [sea]
    assert await found(shelf, tag=["sea", "city"]) == []
    assert await found(shelf, metadata__of="atlas") == [sea]
    assert await found(shelf, metadata__of="other") == []
    assert await found(shelf, tag="city", metadata__of="atlas") == []
    assert await found(shelf, tag="holiday", max_width=1) == []


@pytest.mark.both_engines
async def test_images_are_found_by_words(shelf: Service) -> None:
    image_id = await kept(
        shelf,
        text="Möwe über dem Hafen\nAda\nX-100",
        name="Ferien am Meer.jpg",
        tags=["two words"],
        metadata={"of": "Atlas project"},
    )
    await kept(shelf)

    for q in ("MOWE hafen", "ada", "x 100", "ferien jpg", "words", "project atlas"):
        assert await found(shelf, q=q) == [image_id], q
    assert await found(shelf, q="hafen berge") == []
    assert await found(shelf, q="haf") == []


def photo() -> bytes:
    """Draw a JPEG with words and a place in its EXIF."""
    picture = Pillow.new("RGB", (8, 8))
    exif = picture.getexif()
    exif.update({0x010E: "Möwe im Hafen".encode(), 0x013B: "Ada", 0x0110: "X-100"})
    exif.get_ifd(0x8825).update({1: "N", 2: (53.0, 32.0, 41.0), 27: b"ASCII\0\0\0HAMBURG"})
    written = io.BytesIO()
    picture.save(written, "jpeg", exif=exif)
    return written.getvalue()


async def test_the_words_of_a_file_find_it_but_not_the_place_where_it_was_taken(
    service: Service,
) -> None:
    image_id = (await service.upload(photo())).image.image_id

    assert await found(service, q="mowe hafen ada x 100") == [image_id]
    assert await found(service, q="hamburg") == await found(service, q="53") == []


async def test_a_text_that_a_job_read_finds_the_image(shelf: Service) -> None:
    image_id = await kept(shelf)
    await shelf.client.add_text(
        image_id, ImageText(source="ocr", text="Rechnung 4711"), caller=OWNER
    )

    assert await found(shelf, q="rechnung 4711") == [image_id]

    await shelf.client.add_text(image_id, ImageText(source="ocr", text="Quittung"), caller=OWNER)
    assert await found(shelf, q="rechnung") == []
    assert await found(shelf, q="quittung") == [image_id]
    with pytest.raises(NotFound):
        await shelf.client.add_text(image_id, ImageText(source="ocr", text="x"), caller=OTHER)


@pytest.mark.both_engines
async def test_nobody_finds_or_changes_what_others_keep(shelf: Service) -> None:
    both: JSON = {"sha256": "f" * 64, "text": "Hafen"}
    mine = await kept(shelf, **both, tags=["sea"], metadata={"of": "atlas"})
    theirs = await kept(shelf, owner=OTHER, **both, tags=["sea"])

    queries: list[JSON] = [{}, {"q": "hafen"}, {"tag": "sea"}]
    for query in queries:
        assert await found(shelf, **query) == [mine]
        assert await found(shelf, OTHER, **query) == [theirs]
    assert await found(shelf, OTHER, metadata__of="atlas") == []
    with pytest.raises(NotFound):
        await patched(shelf, mine, OTHER, tags=["stolen"])


@pytest.mark.both_engines
async def test_a_deleted_image_is_found_no_more(shelf: Service) -> None:
    image_id = await kept(shelf, text="Hafen", tags=["sea"])

    await shelf.ask("DELETE", f"/api/v1/images/{image_id}")

    assert await found(shelf) == await found(shelf, q="hafen") == []
    again = await kept(shelf, text="Hafen")
    assert await found(shelf, q="hafen") == [again]
    assert await found(shelf, tag="sea") == []


async def test_a_description_is_changed_where_it_is_named(shelf: Service) -> None:
    image_id = await kept(shelf, tags=["a"], metadata={"k": "1", "l": "2"})

    after = await patched(shelf, image_id, name="new.png", metadata={"k": None, "m": "3"})

    assert (after["tags"], after["metadata"]) == (["a"], {"l": "2", "m": "3"})
    assert (after["name"], after["public"], after["public_url"]) == ("new.png", False, None)
    assert (await page(shelf))["images"] == [after]
    assert await found(shelf, metadata__k="1") == []
    assert (await patched(shelf, image_id, tags=[]))["tags"] == []
    assert await found(shelf, tag="a") == []


WRONG_CHANGES: list[JSON] = [
    {},
    {"tags": None},
    {"tags": [""]},
    {"tags": ["a\nb"]},
    {"tags": ["x" * 65]},
    {"tags": [str(each) for each in range(51)]},
    {"metadata": {"a b": "c"}},
    {"metadata": {"a": 1}},
    {"metadata": {"a": "x" * 501}},
    {"metadata": {str(each): "" for each in range(51)}},
    {"name": ""},
    {"name": "a\x00b"},
    {"name": "x" * 256},
    {"public": "perhaps"},
    {"sha256": "x"},
]
WRONG_QUERIES = [
    "colour=red",
    "format=docx",
    "status=lost",
    "min_width=-1",
    "min_width=wide",
    "since=yesterday",
    "since=2026-11-25T12:00:00",
    "limit=0",
    "limit=101",
    "sort=beauty",
    "order=random",
    "q=...",
    "format=png&format=jpeg",
    "metadata.=x",
    "metadata.a=1&metadata.a=2",
    "q=" + "+".join(f"w{each}" for each in range(21)),
]


async def test_a_description_that_cannot_be_is_refused(shelf: Service) -> None:
    image_id = await kept(shelf)

    for changes in WRONG_CHANGES:
        with pytest.raises(InvalidRequest):
            await patched(shelf, image_id, **changes)


async def test_metadata_does_not_grow_without_bound(shelf: Service) -> None:
    image_id = await kept(shelf, metadata={f"a{each}": "" for each in range(50)})

    with pytest.raises(InvalidRequest):
        await patched(shelf, image_id, metadata={"one.more": ""})

    assert (await patched(shelf, image_id, metadata={"a1": None, "b": ""}))["metadata"]["b"] == ""


async def test_a_query_that_is_wrong_is_refused(shelf: Service) -> None:
    for query in WRONG_QUERIES:
        with pytest.raises(InvalidRequest):
            await shelf.ask("GET", f"/api/v1/images?{query}")


@pytest.mark.both_engines
async def test_a_search_is_words_and_never_syntax(shelf: Service) -> None:
    image_id = await kept(shelf, name="a b or near.png")

    for q in ("a OR b", "NEAR(a b)", 'a" b', "a*", "a -b", "a: (b)", "{a} ^b", "'a'; --"):
        assert await found(shelf, q=q) == [image_id], q
    assert await found(shelf, q="a OR c") == []


async def sent(service: Service, *fields: bytes) -> JSON:
    """Upload a form; give what is answered."""
    headers, body = {"content-type": FORM}, stream(form(*fields))
    reply = await service.client.service.call(
        "POST", "/api/v1/images", body, caller=OWNER, headers=headers
    )
    return dict(json.loads(reply.body))


async def test_an_upload_can_say_how_its_picture_is_described(service: Service) -> None:
    picture = file_part(photo())

    image = await sent(
        service, picture, part("tags", b"Sea, holiday"), part("metadata", b'{"of": "atlas"}')
    )
    again = await sent(service, picture, part("tags", b'["more"]'))

    assert (image["tags"], image["metadata"]) == (["sea", "holiday"], {"of": "atlas"})
    assert again["tags"] == ["sea", "holiday", "more"]
    assert await found(service, tag="more", metadata__of="atlas") == [image["image_id"]]


WRONG_FIELDS = [
    ("tags", b"[1]"),
    ("tags", b"["),
    ("metadata", b"[]"),
    ("metadata", b"x"),
    ("colour", b"x"),
]


async def test_an_upload_described_wrongly_is_refused_and_not_kept(service: Service) -> None:
    for name, value in WRONG_FIELDS:
        with pytest.raises(InvalidRequest):
            await sent(service, file_part(photo()), part(name, value))

    assert await found(service) == []
    assert service.objects() == set()


async def test_images_of_an_older_version_are_listed_after_the_update(shelf: Service) -> None:
    image_id = await kept(shelf, 12, 8, tags=["sea"])

    def forgotten(connection: Connection) -> None:
        connection.execute(
            "UPDATE images SET indexed_by = 0, number = NULL, format = '', width = 0"
        )
        connection.execute("DELETE FROM image_words")

    await shelf.uploads.database.run(forgotten)

    await shelf.uploads.start()

    assert await found(shelf, format="png", min_width=12, tag="sea") == [image_id]
