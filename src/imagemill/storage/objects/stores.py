"""The stores of obstore, opened by the settings: one for each bucket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from imagemill.errors import InvalidRequest
from imagemill.storage.objects import places
from imagemill.storage.objects.sigv4 import Keys
from imagemill.storage.settings import StorageSettings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_CONNECT_S: Final = 3.0
_REQUEST_S: Final = 3600.0
"""Longest request: a reader who takes his time holds one open; silence ends it much sooner."""
_PAUSE: Final = timedelta(milliseconds=50)
_LONGEST_PAUSE: Final = timedelta(seconds=1)
_ENCRYPTIONS: Final = {"s3": "AES256", "kms": "aws:kms"}
OpenStore = S3Store | AzureStore | GCSStore


def open_store(
    settings: StorageSettings, name: str, keys: Keys | None, *, is_public: bool = False
) -> OpenStore:
    """Open a bucket or container; nothing is asked yet.

    With `is_public`, URLs that it signs lead to where clients reach it. Raises `InvalidRequest`
    where the settings do not fit together.
    """
    with_client: dict[str, Any] = {
        "client_options": _client(settings),
        "retry_config": _retries(settings),
    }
    try:
        if places.scheme_of(settings) == places.AZURE:
            return AzureStore(name, **_azure(settings, is_public=is_public), **with_client)
        if places.scheme_of(settings) == places.GOOGLE:
            return GCSStore(name, **_google(settings), **with_client)
        return S3Store(name, **_s3(settings, name, keys, is_public=is_public), **with_client)
    except (BaseError, ValueError) as error:
        raise InvalidRequest(
            f"The settings of the object store do not fit together: {type(error).__name__}."
        ) from error


def put_headers(settings: StorageSettings) -> dict[str, str]:
    """Give the headers that a PUT by a signed URL has to carry, whatever it brings."""
    if places.scheme_of(settings) == places.AZURE:
        return {"x-ms-blob-type": "BlockBlob"}
    if settings.encryption == "bucket" or places.scheme_of(settings) != places.S3:
        return {}
    headers = {"x-amz-server-side-encryption": _ENCRYPTIONS[settings.encryption]}
    if settings.kms_key_id:
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = settings.kms_key_id
    return headers


def _s3(
    settings: StorageSettings, name: str, keys: Keys | None, *, is_public: bool
) -> dict[str, Any]:
    address = places.bucket_url(settings, name, is_public=is_public)
    is_virtual = places.is_virtual(settings)
    config: dict[str, Any] = {
        "endpoint": address if is_virtual else address.removesuffix(f"/{name}"),
        "virtual_hosted_style_request": is_virtual,
        "region": settings.region,
        # One request names one object: Ceph weighs a policy against a list only for the owner.
        "disable_bulk_delete": True,
    }
    if keys:
        config |= {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key.get_secret_value(),
        }
        if keys.session_token:
            config["session_token"] = keys.session_token.get_secret_value()
    if settings.checksums:
        config["checksum_algorithm"] = "SHA256"
    if settings.encryption != "bucket":
        config["server_side_encryption"] = _ENCRYPTIONS[settings.encryption]
    if settings.kms_key_id:
        config["sse_kms_key_id"] = settings.kms_key_id
    return config


def _azure(settings: StorageSettings, *, is_public: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"account_name": urlsplit(settings.url).netloc}
    public = settings.public_endpoint.rstrip("/") if is_public else ""
    if endpoint := public or places.endpoint_of(settings):
        config["endpoint"] = endpoint
    if secret := places.secret_of(settings):
        config["account_key"] = secret
    return config


def _google(settings: StorageSettings) -> dict[str, Any]:
    path = settings.secret_key_file
    return {} if path is None else {"service_account": str(path)}


def _client(settings: StorageSettings) -> ClientConfig:
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=min(_CONNECT_S, settings.timeout_s)),
        "read_timeout": timedelta(seconds=settings.timeout_s),
        "timeout": timedelta(seconds=_REQUEST_S),
        "allow_http": places.endpoint_of(settings).startswith("http://"),
        "user_agent": "imagemill",
    }
    if certificates := places.certificates_of(settings):
        client["root_certificate"] = certificates
    return client


def _retries(settings: StorageSettings) -> RetryConfig:
    return {
        "max_retries": settings.retries,
        "retry_timeout": timedelta(seconds=2 * settings.timeout_s),
        "backoff": {"init_backoff": _PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
    }
