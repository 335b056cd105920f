"""What cannot be done is refused with a stable code, by name, and all at once; never with a 5xx."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.acceptance import raw
from tests.acceptance.api import API, JSON, fields_of, problem
from tests.acceptance.system import System

CONVERT: JSON = {"op": "convert", "format": "webp"}
FORM = "multipart/form-data; boundary=b"


def part(name: str, value: bytes = b"x", *, more: str = "") -> bytes:
    head = f'--b\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file_part(picture: bytes) -> bytes:
    return part("file", picture, more='; filename="a.jpg"')


def form(api: API, *parts: bytes, end: bytes = b"--b--\r\n") -> httpx2.Response:
    return api.post("/api/v1/images", content=b"".join(parts) + end, headers={"content-type": FORM})


def test_all_wrong_fields_are_named_at_once(api: API, image_id: str) -> None:
    outputs = {
        "a": [{"op": "resize", "widht": 1, "height": "tall"}],
        "b": [{"op": "teleport"}, {"op": "blur", "sigma": -1}],
        "c/d": [CONVERT],
        "e": [CONVERT, {"op": "flip"}],
    }

    answer = api.post(
        "/api/v1/jobs",
        json={"input": {"image_id": image_id}, "outputs": outputs, "colour": "red"},
    )

    assert fields_of(problem(answer, 422, "invalid_request")) >= {
        "outputs.a.0.widht",
        "outputs.a.0.height",
        "outputs.b.0.op",
        "outputs.b.1.sigma",
        "outputs.c/d",
        "outputs.e.0",
        "colour",
    }


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({}, "outputs"),
        ({"outputs": {}}, "outputs"),
        ({"outputs": []}, "outputs"),
        ({"outputs": None}, "outputs"),
        ({"outputs": {"a": {}}}, "outputs.a"),
        ({"outputs": {"a": [1]}}, "outputs.a.0"),
        ({"outputs": {"a": [{}]}}, "outputs.a.0.op"),
        ({"outputs": {"a": [{"op": ["resize"]}]}}, "outputs.a.0.op"),
        ({"outputs": {"a": [CONVERT] * 31}}, "outputs.a"),
        ({"outputs": {str(number): [CONVERT] for number in range(21)}}, "outputs"),
        ({"outputs": {"": [CONVERT]}}, "outputs."),
        ({"outputs": {"a\0": [CONVERT]}}, "outputs.a\0"),
        ({"outputs": {"a": [CONVERT]}, "input": 5}, "input"),
        ({"outputs": {"a": [CONVERT]}, "input": {"image_id": 5}}, "input.image_id"),
        ({"outputs": {"a": [CONVERT]}, "input": {"path": "/etc/passwd"}}, "input.path"),
        ({"outputs": {"a": [CONVERT]}, "fresh": "perhaps"}, "fresh"),
        ({"outputs": {"a": [{"op": "resize", "width": 1e30}]}}, "outputs.a.0.width"),
        ({"outputs": {"a": [{"op": "resize", "width": 10**400}]}}, "outputs.a.0.width"),
        ({"outputs": {"a": [{"op": "resize", "width": [4]}]}}, "outputs.a.0.width"),
    ],
)
def test_a_job_that_is_wrong_is_told_where(
    api: API, image_id: str, job: dict[str, Any], field: str
) -> None:
    whole = {"input": {"image_id": image_id}, **job}

    answer = api.post("/api/v1/jobs", json=whole)

    assert field in fields_of(problem(answer, 422, "invalid_request"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"nan"', '"inf"'])
@pytest.mark.parametrize("step", ['"op":"rotate","angle"', '"op":"blur","sigma"'])
def test_what_is_no_number_is_refused(api: API, image_id: str, step: str, number: str) -> None:
    job = f'{{"input":{{"image_id":"{image_id}"}},"outputs":{{"a":[{{{step}:{number}}}]}}}}'

    answer = api.post("/api/v1/jobs", content=job, headers={"content-type": "application/json"})

    problem(answer, 422, "invalid_request")


@pytest.mark.parametrize(
    "text",
    [
        '{"outputs": {"\\ud800": []}}',
        '{"\\ud800": 1, "outputs": {}}',
        '{"outputs": {"a": [{"op": "\\ud800"}]}}',
        '{"outputs": {"a": [{"op": "flip", "\\ud800": 1}]}}',
        '{"outputs": {"a": [{"op": "watermark", "text": "\\ud800"}]}}',
        '{"outputs": {"a": [{"op": "flip"}]}, "input": {"image_id": "\\ud800"}}',
    ],
)
def test_text_that_no_alphabet_has_is_refused(api: API, text: str) -> None:
    answer = api.post("/api/v1/jobs", content=text, headers={"content-type": "application/json"})

    problem(answer, 400, "malformed_body")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"job"',
        b"\xff\xfe",
        b"\x00",
        b'{"outputs"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize("route", ["jobs", "resize"])
def test_a_body_that_is_no_json_object_is_malformed(api: API, route: str, body: bytes) -> None:
    answer = api.post(
        f"/api/v1/{route}", content=body, headers={"content-type": "application/json"}
    )

    problem(answer, 400, "malformed_body")


def test_a_json_body_has_a_limit(api: API) -> None:
    body = b'{"outputs":"' + b"x" * 5_000_000 + b'"}'

    answer = api.post("/api/v1/jobs", content=body, headers={"content-type": "application/json"})

    assert problem(answer, 413, "too_large")["limit"]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_is_malformed(api: API, content_type: str) -> None:
    answer = api.post("/api/v1/images", content=b"--b--", headers={"content-type": content_type})

    problem(answer, 400, "malformed_body")


@pytest.mark.parametrize("boundary", ["b" * 3000, "a b", '"', "\xe4", "--", "b;b"])
def test_an_odd_boundary_is_no_server_error(api: API, boundary: str, photo: bytes) -> None:
    content_type = f'multipart/form-data; boundary="{boundary}"'.encode("latin-1")

    answer = api.post(
        "/api/v1/images",
        content=file_part(photo) + b"--b--\r\n",
        headers={b"content-type": content_type},
    )

    assert answer.status_code in {201, 400, 422}, answer.text


def test_a_form_that_is_cut_off_is_malformed(api: API, photo: bytes) -> None:
    for end in (b"", b"--b", b"--b\r\n", b"--b\r\ncontent-disposition: form"):
        problem(form(api, file_part(photo), end=end), 400, "malformed_body")


def test_a_form_has_one_picture(api: API, photo: bytes) -> None:
    two = form(api, file_part(photo), file_part(photo))
    none = form(api, part("job", b"{}"))
    empty = form(api, file_part(b""))

    for answer in (two, none, empty):
        assert fields_of(problem(answer, 422, "invalid_request")) == {"file"}


def test_a_body_of_nothing_is_refused(api: API) -> None:
    problem(api.post("/api/v1/images", content=b""), 422, "invalid_request")
    problem(api.post("/api/v1/resize?width=5", content=b""), 422, "invalid_request")


@pytest.mark.parametrize("name", ["colour", "café", "a.b[0]", "x" * 3000, "../file", "File"])
def test_a_field_of_another_name_is_refused_by_its_name(api: API, photo: bytes, name: str) -> None:
    told = problem(form(api, file_part(photo), part(name)), 422, "invalid_request")

    assert [name.startswith(each) for each in fields_of(told)] == [True]


def test_a_field_without_a_name_is_malformed(api: API, photo: bytes) -> None:
    nameless = b"--b\r\ncontent-type: text/plain\r\n\r\nx\r\n"

    problem(form(api, file_part(photo), nameless), 400, "malformed_body")
    problem(form(api, file_part(photo), part("")), 400, "malformed_body")


def test_a_field_is_given_once(api: API, photo: bytes) -> None:
    told = problem(form(api, file_part(photo), part("a"), part("a")), 422, "invalid_request")

    assert fields_of(told) == {"a"}


def test_a_field_has_a_limit_and_so_have_all_together(api: API, photo: bytes) -> None:
    long = form(api, file_part(photo), part("job", b"x" * 1_000_001))
    together = form(api, file_part(photo), *(part(str(n), b"x" * 900_000) for n in range(3)))
    many = form(api, file_part(photo), *(part(str(n)) for n in range(100)))

    for answer in (long, together, many):
        assert problem(answer, 422, "invalid_request")["limit"]


def test_a_field_that_is_no_text_is_refused(api: API, photo: bytes) -> None:
    told = problem(form(api, file_part(photo), part("job", b"\xff")), 422, "invalid_request")

    assert fields_of(told) == {"job"}


@pytest.mark.parametrize("job", ["", "{", "[]", "5", '"x"', "[" * 50_000, '{"input": {}}'])
def test_a_job_in_a_form_that_cannot_be_read_is_refused(api: API, photo: bytes, job: str) -> None:
    answer = api.post("/api/v1/jobs", files={"file": ("a", photo)}, data={"job": job})

    problem(answer, 422, "invalid_request")


def test_a_form_without_a_job_is_refused_by_its_name(api: API, photo: bytes) -> None:
    answer = api.post("/api/v1/jobs", files={"file": ("a", photo)})

    assert fields_of(problem(answer, 422, "invalid_request")) == {"job"}


def test_a_job_works_on_one_picture(api: API, photo: bytes, image_id: str) -> None:
    job = json.dumps({"input": {"image_id": image_id}, "outputs": {"a": [CONVERT]}})

    answer = api.post("/api/v1/jobs", files={"file": ("a", photo)}, data={"job": job})

    assert fields_of(problem(answer, 422, "invalid_request")) == {"input"}


def test_a_job_without_a_picture_is_refused(api: API) -> None:
    told = problem(
        api.post("/api/v1/jobs", json={"outputs": {"a": [CONVERT]}}), 422, "invalid_request"
    )

    assert fields_of(told) == {"input"}


def test_an_unknown_image_is_not_found(api: API) -> None:
    for odd in ("0c6ef3a0-0000-4000-8000-000000000000", "", "\0", "../..", "x" * 100_000):
        problem(api.submit(odd, {"a": [CONVERT]}), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("dry_run=perhaps", "dry_run"),
        ("job={}&job={}", "job"),
        ("job=%7B%7D", "job"),
    ],
)
def test_a_query_that_is_wrong_is_told_where(
    api: API, image_id: str, query: str, field: str
) -> None:
    job = {"input": {"image_id": image_id}, "outputs": {"a": [CONVERT]}}

    answer = api.post(f"/api/v1/jobs?{query}", json=job)

    assert field in fields_of(problem(answer, 422, "invalid_request"))


def test_a_parameter_is_given_once(api: API, photo: bytes) -> None:
    twice = api.post("/api/v1/resize?width=5&width=6", content=photo)
    both = api.post("/api/v1/resize?width=5", files={"file": ("a", photo)}, data={"width": "6"})

    for answer in (twice, both):
        assert fields_of(problem(answer, 422, "invalid_request")) == {"width"}


def test_wrong_parameters_are_refused_before_a_raw_picture_is_read(
    api: API, system: System
) -> None:
    kept = sum(each.is_file() for each in (system.data / "objects/originals").rglob("*"))

    problem(api.post("/api/v1/resize?widht=5", content=b"x" * 100), 422, "invalid_request")

    now = sum(each.is_file() for each in (system.data / "objects/originals").rglob("*"))
    assert now == kept


def test_an_unknown_route_is_not_found(api: API) -> None:
    for path in ("/api/v1/teleport", "/api/v2/jobs", "/nothing", "/api/v1/", "/api/v1/jobs/"):
        problem(api.get(path), 404, "not_found")


def test_a_method_that_a_route_does_not_know_is_told_which_it_does(api: API) -> None:
    for method, path, known in (
        ("PUT", "/api/v1/jobs", "POST"),
        ("DELETE", "/api/v1/operations", "GET"),
        ("POST", "/health/live", "GET"),
    ):
        answer = api.request(method, path)
        problem(answer, 405, "method_not_allowed")
        assert known in answer.headers["allow"]


def test_every_answer_carries_an_id_and_a_callers_own_is_kept(api: API) -> None:
    own = api.get("/api/v1/jobs/x", headers={"x-request-id": "my-own-id"})
    odd = api.get("/api/v1/jobs/x", headers={"x-request-id": "x" * 500})

    assert own.headers["x-correlation-id"] == own.json()["request_id"] == "my-own-id"
    assert len(odd.headers["x-correlation-id"]) == 32


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "0x10", "99999999999999999999", "5, 6"])
def test_a_length_that_is_none_is_refused(system: System, api: API, length: str) -> None:
    head = raw.head(system, "POST", "/api/v1/images", f"content-length: {length}")

    answer = raw.sent(system, head, b"hello")

    assert raw.status_of(answer) in {0, 400, 413}


def test_a_body_that_ends_too_early_is_not_kept(system: System, api: API, photo: bytes) -> None:
    length = f"content-length: {len(photo) + 100}"
    before = sum(each.is_file() for each in (system.data / "objects").rglob("*"))

    answer = raw.sent(
        system, raw.head(system, "POST", "/api/v1/images", length), photo, hang_up=True
    )

    assert raw.status_of(answer) in {0, 400}
    assert sum(each.is_file() for each in (system.data / "objects").rglob("*")) == before


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/images/\xff\xfe",
        "/api/v1/operations?\xff=\xfe",
        "/api/v1/images/%00",
        "/api/v1/../../internal/openapi.json",
        "/api/v1/jobs/../../../internal/health",
        "//internal/health",
        "/api/v1/%2e%2e/%2e%2e/internal/health",
        "http://127.0.0.1:1/internal/health",
        "/assets/../../../../etc/passwd",
        "/assets/%2e%2e/pages.py",
        "/api/v1/images/" + "x" * 60_000,
        "*",
    ],
)
def test_an_odd_target_reaches_nothing(system: System, api: API, target: str) -> None:
    answer = raw.sent(system, raw.head(system, "GET", target))

    assert raw.status_of(answer) in {0, 400, 404, 414, 422, 431}, answer[:500]
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "route",
    [
        "/api/v1/images/{image}",
        "/api/v1/images/{image}/content",
        "/api/v1/jobs/{job}",
        "/api/v1/jobs/{job}/outputs/result",
        "/api/v1/operations",
        "/api/v1/operations/flip",
    ],
)
def test_a_query_that_a_route_does_not_know_is_refused_by_name(
    api: API, image_id: str, route: str
) -> None:
    job = api.completed(api.submit(image_id, {"result": [{"op": "flip"}]}))
    url = route.format(image=image_id, job=job["job_id"])

    told = problem(api.get(url, params={"widht": 5}), 422, "invalid_request")

    assert api.get(url).status_code == 200
    assert fields_of(told) == {"widht"}


def test_an_upload_takes_no_query(api: API, photo: bytes) -> None:
    told = problem(
        api.post("/api/v1/images", params={"name": "x"}, content=photo), 422, "invalid_request"
    )

    assert fields_of(told) == {"name"}
