"""Bodies that lie, never end, or mean two things (HT037, HT039, HT041, HT045, HT059, HT061).

More of the same is in `tests/acceptance/`: `test_limits.py` (too long, announced or not, while
memory stays flat), `test_problems.py` (JSON that is none, forms, unknown fields), `test_fuzz.py`,
and in `tests/uploads/test_form.py`.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from tests.acceptance import pictures, raw
from tests.acceptance.api import API, fields_of, problem
from tests.acceptance.system import System, eventually, resident_bytes
from tests.acceptance.test_limits import LIMIT_BYTES, MB, original_count

JSON_TYPE = {"content-type": "application/json"}
FORM_TYPE = {"content-type": "multipart/form-data; boundary=b"}
FLAT_BYTES = 30 * MB


@pytest.fixture(scope="module")
def largest() -> bytes:
    """Give a picture of exactly as many bytes as are taken."""
    levels = np.random.default_rng().integers(0, 255, (3900, 4000, 3), dtype=np.uint8)
    return pictures.written(Image.fromarray(levels), "TIFF").ljust(LIMIT_BYTES, b"\0")


def test_the_limit_is_kept_to_the_byte(system: System, api: API, largest: bytes) -> None:
    kept = original_count(system)

    over = api.post("/api/v1/images", content=largest + b"\0")
    exact = api.post("/api/v1/images", content=largest)

    problem(over, 413, "too_large")
    assert exact.status_code == 201
    assert original_count(system) == kept + 1


def test_a_length_that_promises_too_much_is_not_waited_for(system: System, api: API) -> None:
    kept, picture = original_count(system), pictures.jpeg()
    head = raw.head(system, "POST", "/api/v1/images", f"content-length: {len(picture) + 1000}")

    hung_up = raw.sent(system, head, picture, hang_up=True)
    waited = raw.sent(system, head, picture)

    assert raw.status_of(hung_up) in {0, 400, 408}
    assert raw.status_of(waited) == 408
    eventually(lambda: original_count(system) == kept)


def test_what_follows_a_length_that_promises_too_little_is_no_part_of_the_body(
    system: System, api: API
) -> None:
    picture = pictures.jpeg()
    head = raw.head(system, "POST", "/api/v1/images", f"content-length: {len(picture)}")

    answer = raw.sent(system, head, picture + b"DELETE /api/v1/images HTTP/1.1\r\nhost: a\r\n\r\n")

    assert raw.status_of(answer) == 201
    assert hashlib.sha256(picture).hexdigest().encode() in answer
    assert b"HTTP/1.1 4" not in answer


def test_chunks_without_end_are_cut_at_the_limit(system: System, api: API) -> None:
    kept, before = original_count(system), resident_bytes(system.pid)
    head = raw.head(system, "POST", "/api/v1/images", "transfer-encoding: chunked")
    chunk = b"%x\r\n%s\r\n" % (MB, bytes(MB))

    answer = raw.sent(system, head, *(chunk for _ in range(80)))

    assert raw.status_of(answer) in {413, 415, 0}  # 0: hung up while more was sent.
    assert resident_bytes(system.pid) - before < FLAT_BYTES
    eventually(lambda: original_count(system) == kept)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'{"outputs":{"a":[{"op":"flip"}]},"outputs":{"b":[{"op":"flip"}]}}',
        b'{"outputs":{"a":[{"op":"resize","width":1,"width":2}]}}',
        b'{"a":%s}' % (b"9" * 5_000),
        b'{"a":"\x01"}',
    ],
    ids=["deep", "deep objects", "twice", "twice within", "long number", "control"],
)
def test_json_that_could_mean_two_things_or_none_is_malformed(api: API, body: bytes) -> None:
    answer = api.post("/api/v1/jobs", content=body, headers=JSON_TYPE)

    problem(answer, 400, "malformed_body")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e999", "1" + "0" * 400])
def test_a_number_that_is_none_is_refused_where_it_stands(api: API, number: str) -> None:
    body = f'{{"outputs":{{"a":[{{"op":"resize","width":{number}}}]}}}}'

    told = problem(
        api.post("/api/v1/jobs", content=body, headers=JSON_TYPE), 422, "invalid_request"
    )

    assert "outputs.a.0.width" in fields_of(told)


def test_json_that_is_too_long_is_not_read_to_its_end(system: System, api: API) -> None:
    before = resident_bytes(system.pid)
    body = json.dumps({"outputs": "x" * 10 * MB}).encode()

    problem(api.post("/api/v1/jobs", content=body, headers=JSON_TYPE), 413, "too_large")

    assert resident_bytes(system.pid) - before < FLAT_BYTES


PICTURE = pictures.jpeg()
FILE = b'content-disposition: form-data; name="file"; filename="a.jpg"'


def part(head: bytes, value: bytes = b"x") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


NESTED = b"--c\r\n" + FILE + b"\r\n\r\n" + PICTURE + b"\r\n--c--\r\n"
BAD_FORMS = {
    "many parts": b"".join(
        part(b'content-disposition: form-data; name="f%d"' % n) for n in range(10_000)
    ),
    "a part's head of a megabyte": part(FILE + b"\r\nx-a: " + b"a" * MB, PICTURE),
    "a name of a megabyte": part(FILE.replace(b"a.jpg", b"a" * MB), PICTURE),
    "two pictures": part(FILE, PICTURE) * 2,
    "a form within": part(b'content-disposition: form-data; name="file"', NESTED),
    "no end": part(FILE, PICTURE)[:-2],
    "a field twice": part(FILE, PICTURE) + part(b'content-disposition: form-data; name="a"') * 2,
    "a part that is no field": part(b"content-type: image/jpeg", PICTURE),
    "many heads": part(FILE + b"\r\nx-a: b" * 10_000, PICTURE),
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_form_that_breaks_the_rules_is_refused_while_memory_stays_flat(
    system: System, api: API, form: bytes
) -> None:
    kept, before = original_count(system), resident_bytes(system.pid)
    end = b"" if form.endswith(PICTURE) else b"--b--\r\n"

    answer = api.post("/api/v1/images", content=form + end, headers=FORM_TYPE)

    assert answer.status_code in {400, 413, 415, 422}, answer.text
    assert resident_bytes(system.pid) - before < FLAT_BYTES
    assert original_count(system) == kept


@pytest.mark.parametrize(
    "names", [b"filename=\"a.jpg\"; filename*=utf-8''../../etc/x", b"filename*=utf-8''%0d%0aX: y"]
)
def test_a_file_name_is_only_a_name(api: API, names: bytes) -> None:
    form = part(b'content-disposition: form-data; name="file"; ' + names, pictures.jpeg())

    answer = api.post("/api/v1/images", content=form + b"--b--\r\n", headers=FORM_TYPE)

    assert answer.status_code in {201, 400, 422}
    if answer.status_code == 201:
        content = api.get(answer.json()["url"])
        assert content.status_code == 200
        assert "x" not in content.headers
        assert "/" not in content.headers["content-disposition"]


def test_a_boundary_of_ten_kilobytes_is_refused(api: API) -> None:
    boundary = "b" * 10_000

    answer = api.post(
        "/api/v1/images",
        content=f"--{boundary}--\r\n",
        headers={"content-type": f"multipart/form-data; boundary={boundary}"},
    )

    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("route", ["jobs", "resize", "batches", "presets"])
def test_an_unknown_field_is_refused_by_its_name(api: API, route: str) -> None:
    answer = api.post(f"/api/v1/{route}", json={"is_admin": True, "outputs": {}})

    assert "is_admin" in fields_of(problem(answer, 422, "invalid_request"))


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/metrics",
            "/admin",
            "/debug",
            "/debug/pprof/",
            "/.git/config",
            "/.env",
            "/server-status",
        ),
        *("/api/../internal/health", "/api/v1/%2e%2e/internal/health", "/internal/identify"),
        *("/assets/../../settings.py", "/assets/%2e%2e/%2e%2e/settings.py", "/assets//etc/passwd"),
        *("/api/v1/images/../../../data/admin-key", "/redoc", "/actuator/env", "//internal/health"),
    ],
)
def test_nothing_is_there_that_was_not_meant_to_be(system: System, api: API, path: str) -> None:
    answer = raw.sent(
        system, f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode()
    )

    assert raw.status_of(answer) in {401, 404}


def test_no_secret_reaches_the_log_however_it_is_sent(system: System, api: API) -> None:
    secret, key = "sesame-0123456789-0123456789-0123456789", system.key
    api.get(f"/api/v1/jobs?signature={secret}", headers={"x-api-key": ""})
    api.get("/api/v1/jobs", headers={"authorization": f"Bearer {secret}"})
    api.get("/api/v1/jobs", headers={"cookie": f"session={secret}"})
    api.get(f"/api/v1/images/{key}/content?X-API-Key={key}")
    api.post("/api/v1/jobs", json={"webhook_url": f"https://u:{secret}@h/", "password": secret})
    raw.sent(system, b"GET / HTTP/1.1\r\nX-API-Key : " + secret.encode() + b"\r\n\r\n")

    said = eventually(system.said)

    assert secret not in said
    assert key not in said


@pytest.mark.parametrize("end", ["%0d%0a", "%0a", "%E2%80%A8", "%1b[31m", "%00", "%85"])
def test_nobody_can_write_a_line_of_the_log(system: System, api: API, end: str) -> None:
    api.get(f'/api/v1/jobs/x{end}{{"event":"forged"}}')
    api.get("/api/v1/jobs/x", headers={"x-request-id": 'a\t{"event":"forged"}'})

    lines = [each for each in system.said().split("\n") if "forged" in each]

    assert not [each for each in lines if each.lstrip().startswith('{"event":"forged"')]
    assert not [each for each in lines if "\x1b" in each or "\0" in each or "\r" in each]
