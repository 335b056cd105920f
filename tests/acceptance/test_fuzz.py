"""Whatever is sent, the answer is a typed one: a bounded walk through odd bodies and queries."""

from __future__ import annotations

import json

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagemill.operations import operations
from tests.acceptance import pictures
from tests.acceptance.api import API, PROBLEM

WORDS = st.sampled_from(
    [
        "op",
        "outputs",
        "input",
        "image_id",
        "preset",
        "name",
        "steps",
        "width",
        "fresh",
        *operations(),
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), WORDS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
STEPS = st.dictionaries(WORDS, VALUES, max_size=4).flatmap(
    lambda step: WORDS.map(lambda name: {"op": name, **step})
)
JOBS = st.fixed_dictionaries(
    {"outputs": st.dictionaries(st.text(max_size=8), st.lists(STEPS, max_size=3), max_size=3)}
)
ROUTES = st.sampled_from(["jobs", "images", "presets", *operations()])
ALLOWED = frozenset({200, 201, 202, 400, 404, 413, 415, 422})
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


def assert_typed(answer: httpx2.Response) -> None:
    assert answer.status_code in ALLOWED, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == PROBLEM


@FEW
@given(route=ROUTES, value=VALUES | JOBS)
def test_any_json_gets_a_typed_answer(api: API, route: str, value: object) -> None:
    answer = api.post(
        f"/api/v1/{route}",
        content=json.dumps(value),
        headers={"content-type": "application/json"},
    )

    assert_typed(answer)


@FEW
@given(
    route=ROUTES,
    query=st.dictionaries(WORDS | st.text(max_size=9), st.text(max_size=9) | WORDS, max_size=4),
)
def test_any_query_gets_a_typed_answer(api: API, route: str, query: dict[str, str]) -> None:
    assert_typed(api.post(f"/api/v1/{route}?dry_run=1", params=query, content=SMALLEST))


@FEW
@given(
    route=ROUTES,
    fields=st.dictionaries(WORDS | st.text(max_size=9), st.text(max_size=40), max_size=4),
)
def test_any_form_gets_a_typed_answer(api: API, route: str, fields: dict[str, str]) -> None:
    assert_typed(
        api.post(f"/api/v1/{route}?dry_run=1", files={"file": ("a", SMALLEST)}, data=fields)
    )


@FEW
@given(
    content_type=st.sampled_from(["multipart/form-data; boundary=b", "image/png", ""]),
    body=st.binary(max_size=300),
)
def test_any_bytes_get_a_typed_answer(api: API, content_type: str, body: bytes) -> None:
    answer = api.post("/api/v1/images", content=body, headers={"content-type": content_type})

    assert_typed(answer)


@FEW
@given(at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.integers(0, 2000))
def test_any_damaged_form_gets_a_typed_answer(api: API, at: int, byte: int, cut: int) -> None:
    body = bytearray(
        b'--b\r\ncontent-disposition: form-data; name="width"\r\n\r\n20\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + SMALLEST
        + b"\r\n--b--\r\n"
    )
    body[at % len(body)] = byte

    answer = api.post(
        "/api/v1/resize",
        content=bytes(body[: len(body) - cut % 30]),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )

    assert_typed(answer)


@pytest.mark.parametrize("offset", range(0, 60, 3))
def test_any_damaged_picture_gets_a_typed_answer(api: API, offset: int) -> None:
    picture = bytearray(SMALLEST)
    picture[offset % len(picture)] ^= 0x55

    answer = api.post("/api/v1/resize?width=20", content=bytes(picture))

    assert_typed(answer)
    if answer.status_code == 202:
        job = api.ended(answer)
        assert job["status"] == "completed" or job["error"]["code"] in {"corrupt", "truncated"}


SMALLEST = pictures.png(8, 6)
