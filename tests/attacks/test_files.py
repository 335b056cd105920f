"""Names that mean more than a name, bytes that break off, and files that carry more than a picture.

HT027, HT029, HT049 and HT057 of the attacks. More of the same: HT023 and HT025 in
`tests/signing/test_signing.py`, `tests/acceptance/test_delivery.py` and `test_presigned.py` there;
HT027 in `tests/web/test_disposition.py`; HT049 in `test_slowness.py`; HT053 in
`tests/web/test_delivery.py` and `tests/acceptance/test_delivery.py`; HT057 in
`tests/acceptance/test_corpus.py`.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from tests.acceptance import pictures, raw
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.system import System, eventually
from tests.acceptance.test_limits import original_count

HOSTILE = 'a\r\nX-Evil: "1"; rm -rf \u202egpj.exe\U0001f3d6'
TUS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}
Way = Callable[[API, bytes, str], JSON]
CODE = b"<?php system($_GET['c']); ?><script>alert(1)</script>"


def by_signed_url(api: API, picture: bytes, name: str) -> JSON:
    signed = good(api.post("/api/v1/uploads/presign", json={"name": name}))
    httpx2.put(signed["url"], content=picture, trust_env=False)
    return good(api.post(f"/api/v1/uploads/{signed['upload_id']}/complete"))


def in_chunks(api: API, picture: bytes, name: str) -> JSON:
    headers = {
        **TUS,
        "upload-length": str(len(picture)),
        "upload-metadata": f"filename {base64.b64encode(name.encode()).decode()}",
    }
    said = api.post("/api/v1/uploads/tus", content=picture, headers=headers)
    return good(api.get(f"/api/v1/images/{said.headers['imagemill-image-id']}"))


@pytest.mark.parametrize("way", [by_signed_url, in_chunks])
def test_a_hostile_name_splits_no_header(api: API, photo: bytes, way: Way) -> None:
    image = way(api, photo, HOSTILE)

    given = api.get(image["url"])

    assert (image["name"], given.status_code, given.content) == (HOSTILE, 200, photo)
    assert "x-evil" not in given.headers
    written = given.headers["content-disposition"]
    assert written.isascii()
    assert (written.count('"'), written.count(";")) == (2, 2)
    assert written.endswith(".jpeg")


@pytest.mark.parametrize("field", ["storage_key", "key", "prefix", "bucket", "path"])
@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/api/v1/images", {"url": "https://images.example.com/a.jpg"}),
        ("/api/v1/uploads/presign", {}),
        ("/api/v1/jobs", {"input": {"image_id": "x"}, "outputs": {"a": [{"op": "flip"}]}}),
        ("/images", {"url": "https://images.example.com/a.jpg"}),
    ],
)
def test_nobody_says_where_bytes_lie(api: API, route: str, body: JSON, field: str) -> None:
    answer = api.post(route, json={**body, field: "../results/aa"})

    assert field in fields_of(problem(answer, 422, "invalid_request"))


@pytest.mark.parametrize("place", ["../originals/a", "..%2foriginals", "a/b", "/etc/passwd", "."])
def test_an_output_is_called_by_a_name_and_not_by_a_place(api: API, place: str) -> None:
    answer = api.submit("x", {place: [{"op": "flip"}]})

    problem(answer, 422, "invalid_request")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/uploads/stored/results/aa/bb",
        "/api/v1/uploads/stored/originals/..%2f..%2fusers.sqlite",
        "/api/v1/uploads/stored/..%2f..%2f/url-keys",
    ],
)
def test_what_is_stored_is_not_had_by_its_place(api: API, path: str) -> None:
    answer = api.get(path, params={"signature": "x", "key": "k", "expires": "9999999999"})

    assert answer.status_code in {403, 404}


def test_nothing_is_left_of_other_uploads_that_break_off(
    system: System, api: API, photo: bytes
) -> None:
    kept = original_count(system)
    begun = [good(api.post("/api/v1/uploads/presign", json={})) for _ in range(6)]
    paths = [httpx2.URL(each["url"]).raw_path.decode() for each in begun]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda path: broken_off(system, path, photo), paths))

    eventually(lambda: original_count(system) == kept)
    for each in begun:
        problem(api.post(f"/api/v1/uploads/{each['upload_id']}/complete"), 409, "conflict")


def broken_off(system: System, path: str, picture: bytes) -> None:
    """Send half a picture to a signed URL and go."""
    head = raw.head(system, "PUT", path, f"content-length: {len(picture)}")
    with socket.create_connection(("127.0.0.1", system.port), 20) as line:
        line.sendall(head + picture[: len(picture) // 2])


def test_a_result_carries_no_code_no_place_and_no_tail(api: API) -> None:
    exif = Image.Exif()
    exif[Base.ImageDescription] = CODE.decode()
    exif.get_ifd(IFD.GPSInfo).update({GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (51.0, 30.0, 0.0)})
    picture = pictures.written(pictures.scene(), "JPEG", exif=exif, comment=CODE) + CODE
    outputs = {kind: [{"op": "convert", "format": kind}] for kind in ("jpeg", "png", "webp")}
    answer = api.post("/uploads", files={"file": ("a.php", picture)}, data=told(outputs))

    job = api.completed(api.submit(answer.json()["imageId"], outputs))
    made = {kind: api.get(job["outputs"][kind]["url"]) for kind in outputs}
    original = api.get(f"/api/v1/images/{answer.json()['imageId']}/content")

    for kind, given in made.items():
        assert given.headers["content-type"] == f"image/{kind}"
        assert not [each for each in (CODE[:5], b"<script", b"Exif\0\0") if each in given.content]
    for given in (*made.values(), original):
        assert given.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in given.headers["content-security-policy"]
    assert original.headers["content-disposition"].startswith('attachment; filename="a-php.jpeg"')


def told(outputs: JSON) -> dict[str, str]:
    return {"outputs": json.dumps(outputs)}
