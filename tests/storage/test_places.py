"""Where an object store is, by the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagemill.errors import InvalidRequest
from imagemill.settings import Settings
from imagemill.storage import Bucket
from imagemill.storage.objects import places
from imagemill.storage.objects.stores import open_store, put_headers
from imagemill.storage.settings import StorageSettings


def settings(**given: Any) -> StorageSettings:  # noqa: ANN401 - any setting's value
    return StorageSettings.model_validate({"url": "s3://"} | given)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "https://pictures.s3.us-east-1.amazonaws.com"),
        ({"region": "eu-north-1"}, "https://pictures.s3.eu-north-1.amazonaws.com"),
        ({"addressing": "path"}, "https://s3.us-east-1.amazonaws.com/pictures"),
        ({"endpoint": "minio:9000"}, "https://minio:9000/pictures"),
        ({"endpoint": "https://s3.example.com/"}, "https://s3.example.com/pictures"),
        (
            {"endpoint": "https://s3.example.com", "addressing": "virtual"},
            "https://pictures.s3.example.com",
        ),
        ({"endpoint": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/pictures"),
        ({"endpoint": "http://localhost:9000"}, "http://localhost:9000/pictures"),
        ({"endpoint": "http://minio:9000", "allow_http": True}, "http://minio:9000/pictures"),
    ],
)
def test_a_bucket_has_an_address_that_the_settings_give(
    given: dict[str, Any], address: str
) -> None:
    assert places.bucket_url(settings(**given), "pictures") == address


def test_clients_reach_a_bucket_under_another_address_where_one_is_set() -> None:
    given = settings(endpoint="https://minio:9000", public_endpoint="https://s3.example.com")

    assert places.bucket_url(given, "pictures") == "https://minio:9000/pictures"
    public = places.bucket_url(given, "pictures", is_public=True)
    assert public == "https://s3.example.com/pictures"


def test_an_endpoint_without_tls_is_refused_unless_that_is_allowed() -> None:
    with pytest.raises(InvalidRequest, match="IMAGEMILL_STORAGE_ALLOW_HTTP"):
        places.endpoint_of(settings(endpoint="http://minio:9000"))


def test_clients_are_not_sent_where_no_tls_is_spoken_unless_that_is_allowed() -> None:
    given = {"endpoint": "https://minio:9000", "public_endpoint": "http://s3.example.com"}

    with pytest.raises(InvalidRequest, match="IMAGEMILL_STORAGE_PUBLIC_ENDPOINT is asked without"):
        places.public_of(settings(**given))

    assert places.public_of(settings(**given, allow_http=True)) == "http://s3.example.com"
    assert places.public_of(settings(public_endpoint="http://127.0.0.1:9000"))


def test_originals_and_results_cannot_share_a_bucket() -> None:
    given = settings(originals_bucket="pictures", results_bucket="pictures")

    with pytest.raises(InvalidRequest, match="a bucket each"):
        places.names_of(given)


@pytest.mark.parametrize("half", [{"access_key": "AKIA"}, {"secret_key": "hush"}])
def test_half_a_key_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="go together"):
        places.keys_of(settings(**half), {})


def test_keys_come_from_the_settings_or_the_secrets_file_or_the_environment(
    tmp_path: Path,
) -> None:
    path = tmp_path / "secret"
    path.write_text("from a file\n", encoding="utf-8")
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}

    given = places.keys_of(settings(access_key="AKIA", secret_key="hush"), environ)
    filed = places.keys_of(settings(access_key="AKIA", secret_key_file=path), environ)
    found = places.keys_of(settings(), environ)

    assert given is not None
    assert filed is not None
    assert found is not None
    assert given.secret_key.get_secret_value() == "hush"
    assert filed.secret_key.get_secret_value() == "from a file"
    assert (found.access_key, given.session_token) == ("A", None)
    assert places.keys_of(settings(), {}) is None


@pytest.mark.parametrize(
    ("name", "read"),
    [("secret_key_file", places.secret_of), ("ca_file", places.certificates_of)],
)
def test_a_file_that_cannot_be_read_is_named_by_its_setting(
    name: str, read: Callable[[StorageSettings], str], tmp_path: Path
) -> None:
    given = settings(**{name: tmp_path / "missing"})

    with pytest.raises(InvalidRequest, match=f"IMAGEMILL_STORAGE_{name.upper()}"):
        read(given)


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate", encoding="utf-8")

    with pytest.raises(InvalidRequest, match="do not fit together"):
        open_store(settings(ca_file=path), "pictures", None)


@pytest.mark.parametrize(
    "url", ["s3://host", "http://minio:9000", "az://", "s3://a:b@c", "file://"]
)
def test_an_address_of_no_engine_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="storage"):
        Settings.load({"IMAGEMILL_STORAGE_URL": url})


def test_the_names_that_others_use_are_known() -> None:
    environ = {
        "IMAGEMILL_MINIO_ACCESS_KEY": "minio",
        "IMAGEMILL_MINIO_SECRET_KEY": "hush",
        "IMAGEMILL_BUCKET_NAME": "processed-images",
        "IMAGEMILL_STORAGE_ENDPOINT": "minio:9000",
    }

    storage = Settings.load(environ).storage

    assert (storage.access_key, storage.results_bucket) == ("minio", "processed-images")
    assert storage.secret_key.get_secret_value() == "hush"
    assert "hush" not in repr(storage)


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({}, {}),
        ({"encryption": "s3"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"encryption": "kms", "kms_key_id": "k1"},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "k1",
            },
        ),
        ({"url": "az://account"}, {"x-ms-blob-type": "BlockBlob"}),
        ({"url": "gs://", "encryption": "s3"}, {}),
    ],
)
def test_a_signed_put_carries_what_the_store_needs(
    given: dict[str, Any], headers: dict[str, str]
) -> None:
    assert put_headers(settings(**given)) == headers


def test_a_store_opens_for_every_vendor_and_asks_nothing(tmp_path: Path) -> None:
    given = [
        settings(access_key="AKIA", secret_key="hush", session_token="t", encryption="kms"),
        settings(url="az://account", secret_key="aHVzaA=="),
        settings(url="gs://"),
    ]

    names = [
        type(open_store(each, "pictures", places.keys_of(each, {}) if n == 0 else None)).__name__
        for n, each in enumerate(given)
    ]

    assert names == ["S3Store", "AzureStore", "GCSStore"]
    assert set(places.names_of(given[0])) == set(Bucket)
