"""The policies that operators are given: enough for Imagemill, and no more, on a real server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from pydantic import SecretStr

from imagemill.errors import Unavailable
from imagemill.storage import Bucket
from imagemill.storage.objects.opening import open_objects
from imagemill.storage.objects.sigv4 import Call, Keys, signed
from tests.contracts.storages import ceph_settings
from tests.peers.rgw import RGW, User

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("rgw")]
POLICIES: Final = Path(__file__).parents[2] / "deploy" / "object-store"
KEY: Final = "ab/cdef"
BUCKETS: Final = ("imagemill-originals", "imagemill-results")
ORIGIN: Final = "https://app.example.com"


def read(name: str) -> Any:  # noqa: ANN401 - whatever JSON says
    return json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))


def ask(
    rgw: RGW,
    user: User,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    content: str = "",
) -> httpx2.Response:
    """Ask the gateway as a user."""
    keys = Keys(user.access_key, SecretStr(user.secret_key), "us-east-1")
    md5 = base64.b64encode(hashlib.md5(content.encode(), usedforsecurity=False).digest()).decode()
    headers = {"content-md5": md5} if content else {}
    call = Call(method, f"{rgw.url}/{path}", query or {}, headers)
    url = signed(call, keys, at=time.time(), seconds=60)
    return httpx2.request(method, url, content=content, headers=headers, trust_env=False)


@pytest.fixture(scope="module")
def limited(rgw: RGW) -> User:
    """Give a user who may do in the buckets what `policy.json` says, and is nobody elsewhere."""
    user = rgw.add_user("limited")
    for bucket in (*BUCKETS, "others"):
        assert ask(rgw, rgw.user, "PUT", bucket).is_success
    for bucket in BUCKETS:
        policy = read("policy")
        for each in policy["Statement"]:
            each["Principal"] = {"AWS": ["arn:aws:iam:::user/limited"]}
            each["Resource"] = [one for one in each["Resource"] if bucket in one]
        answer = ask(rgw, rgw.user, "PUT", bucket, {"policy": ""}, json.dumps(policy))
        assert answer.is_success, answer.text
    return user


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_who_has_the_policy_can_do_all_that_imagemill_does(rgw: RGW, limited: User) -> None:
    settings = ceph_settings(
        rgw, access_key=limited.access_key, secret_key=limited.secret_key, create_buckets=False
    )
    storage = open_objects(settings, {})

    await storage.start()
    small = await storage.put(Bucket.ORIGINALS, KEY, pieces(10))
    large = await storage.put(Bucket.RESULTS, KEY, pieces(*[1_000_000] * 11))
    read = b"".join([each async for each in storage.get(Bucket.RESULTS, KEY, start=5, end=9)])
    await storage.delete(Bucket.RESULTS, KEY)
    await asyncio.to_thread(ask, rgw, limited, "POST", f"{BUCKETS[1]}/half", {"uploads": ""})
    begun = open_objects(settings.model_copy(update={"prefix": ""}), {})
    tidied = await begun.tidy(0)
    sizes = [await storage.size(bucket, KEY) for bucket in (Bucket.ORIGINALS, Bucket.RESULTS)]
    await storage.close()
    await begun.close()

    assert (small.size_bytes, large.size_bytes, read) == (10, 11_000_000, b"xxxx")
    assert tidied >= 1
    assert sizes == [10, None]


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("DELETE", BUCKETS[0], {}),
        ("PUT", BUCKETS[0], {"policy": ""}),
        ("PUT", BUCKETS[0], {"acl": ""}),
        ("PUT", BUCKETS[0], {"lifecycle": ""}),
        ("GET", BUCKETS[0], {"policy": ""}),
        ("GET", "others", {}),
        ("PUT", "others/x", {}),
    ],
)
def test_who_has_the_policy_can_do_nothing_else(
    rgw: RGW, limited: User, method: str, path: str, query: dict[str, str]
) -> None:
    assert ask(rgw, limited, method, path, query, "{}").status_code == 403


async def test_a_bucket_that_is_not_ours_is_a_refusal_and_not_an_absence(
    rgw: RGW, limited: User
) -> None:
    settings = ceph_settings(
        *(rgw,),
        access_key=limited.access_key,
        secret_key=limited.secret_key,
        results_bucket="others",
    )
    storage = open_objects(settings, {})

    with pytest.raises(Unavailable, match="credentials"):
        await storage.size(Bucket.RESULTS, KEY)

    await storage.close()


@pytest.mark.usefixtures("limited")
def test_a_page_of_the_origin_that_cors_names_may_send_a_picture(rgw: RGW) -> None:
    rule = read("cors")["CORSRules"][0]
    names = {
        "AllowedOrigins": "AllowedOrigin",
        "AllowedMethods": "AllowedMethod",
        "AllowedHeaders": "AllowedHeader",
        "ExposeHeaders": "ExposeHeader",
    }
    listed = "".join(
        f"<{name}>{each}</{name}>" for many, name in names.items() for each in rule[many]
    )
    age = f"<MaxAgeSeconds>{rule['MaxAgeSeconds']}</MaxAgeSeconds>"
    body = f"<CORSConfiguration><CORSRule>{listed}{age}</CORSRule></CORSConfiguration>"

    put = ask(rgw, rgw.user, "PUT", BUCKETS[0], {"cors": ""}, body)
    told = {
        origin: httpx2.options(
            f"{rgw.url}/{BUCKETS[0]}/{KEY}",
            headers={
                "origin": origin,
                "access-control-request-method": "PUT",
                "access-control-request-headers": "content-type",
            },
            trust_env=False,
        ).headers.get("access-control-allow-origin")
        for origin in (ORIGIN, "https://evil.example.com")
    }

    assert put.is_success, put.text
    assert told == {ORIGIN: ORIGIN, "https://evil.example.com": None}


@pytest.mark.usefixtures("limited")
def test_the_lifecycle_is_one_that_the_server_takes_and_expires_no_object(rgw: RGW) -> None:
    (rule,) = read("lifecycle")["Rules"]
    days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
    body = (
        f"<LifecycleConfiguration><Rule><ID>{rule['ID']}</ID><Filter><Prefix></Prefix></Filter>"
        f"<Status>{rule['Status']}</Status><AbortIncompleteMultipartUpload>"
        f"<DaysAfterInitiation>{days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        "</Rule></LifecycleConfiguration>"
    )

    put = ask(rgw, rgw.user, "PUT", BUCKETS[0], {"lifecycle": ""}, body)
    kept = ask(rgw, rgw.user, "GET", BUCKETS[0], {"lifecycle": ""}).text

    assert put.is_success, put.text
    assert f"<DaysAfterInitiation>{days}<" in kept
    assert set(rule) == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload"}


def test_the_bucket_policy_against_plain_http_is_one_that_the_server_takes(rgw: RGW) -> None:
    bucket = "over-tls-only"
    policy = json.dumps(read("bucket-policy")).replace(BUCKETS[0], bucket)
    assert ask(rgw, rgw.user, "PUT", bucket).is_success

    put = ask(rgw, rgw.user, "PUT", bucket, {"policy": ""}, policy)

    assert put.is_success, put.text  # Ceph 16 keeps it and does not act on it; AWS does.
