"""Where an object store and its buckets are, by the settings: pure, and checked."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from imagemill.errors import InvalidRequest
from imagemill.storage import Bucket
from imagemill.storage.objects.sigv4 import Keys
from imagemill.storage.settings import StorageSettings

S3: Final = "s3"
AZURE: Final = "az"
GOOGLE: Final = "gs"


def scheme_of(settings: StorageSettings) -> str:
    """Tell which language the object store speaks."""
    return urlsplit(settings.url).scheme


def names_of(settings: StorageSettings) -> dict[Bucket, str]:
    """Give the buckets' names; raises `InvalidRequest` when both are one."""
    if settings.originals_bucket == settings.results_bucket:
        raise InvalidRequest(
            "IMAGEMILL_STORAGE_ORIGINALS_BUCKET and IMAGEMILL_STORAGE_RESULTS_BUCKET are the same; "
            "originals and results need a bucket each."
        )
    return {
        Bucket.ORIGINALS: settings.originals_bucket,
        Bucket.RESULTS: settings.results_bucket,
    }


def endpoint_of(settings: StorageSettings) -> str:
    """Give the address that is asked; empty for the vendor's own.

    Raises `InvalidRequest` for one without TLS that is neither loopback nor allowed.
    """
    given = settings.endpoint.rstrip("/")
    if not given:
        return ""
    address = given if "://" in given else f"https://{given}"
    _check_way(settings, address, "IMAGEMILL_STORAGE_ENDPOINT")
    return address


def public_of(settings: StorageSettings) -> str:
    """Give the address that signed URLs lead to; empty where it is the one that is asked.

    Raises `InvalidRequest` as `endpoint_of` does.
    """
    address = settings.public_endpoint.rstrip("/")
    _check_way(settings, address, "IMAGEMILL_STORAGE_PUBLIC_ENDPOINT")
    return address


def bucket_url(settings: StorageSettings, name: str, *, is_public: bool = False) -> str:
    """Give the address of an S3 bucket: the one that is asked, or the one that clients reach."""
    endpoint = public_of(settings) if is_public else ""
    base = endpoint or endpoint_of(settings) or f"https://s3.{settings.region}.amazonaws.com"
    if not is_virtual(settings):
        return f"{base}/{name}"
    scheme, _, host = base.partition("://")
    return f"{scheme}://{name}.{host}"


def is_virtual(settings: StorageSettings) -> bool:
    """Tell whether the bucket's name stands before the host."""
    if settings.addressing == "auto":
        return not settings.endpoint
    return settings.addressing == "virtual"


def secret_of(settings: StorageSettings) -> str:
    """Read the secret of the key, from its file where that is set; empty where there is none."""
    if settings.secret_key_file is None:
        return settings.secret_key.get_secret_value()
    return _read(settings.secret_key_file, "IMAGEMILL_STORAGE_SECRET_KEY_FILE").strip()


def keys_of(settings: StorageSettings, environ: Mapping[str, str]) -> Keys | None:
    """Give the keys of S3 where they are known here; None where a role has them.

    Raises `InvalidRequest` for half of them.
    """
    secret = secret_of(settings)
    if bool(settings.access_key) != bool(secret):
        raise InvalidRequest(
            "IMAGEMILL_STORAGE_ACCESS_KEY and IMAGEMILL_STORAGE_SECRET_KEY (or its file) go "
            "together; set both, or none."
        )
    token = settings.session_token
    if settings.access_key:
        return Keys(settings.access_key, SecretStr(secret), settings.region, token or None)
    found, hidden = (
        environ.get(f"AWS_{each}", "") for each in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    if not (found and hidden):
        return None
    token = SecretStr(environ.get("AWS_SESSION_TOKEN", ""))
    return Keys(found, SecretStr(hidden), settings.region, token or None)


def certificates_of(settings: StorageSettings) -> str:
    """Read the certificates that are trusted besides; empty where none are set."""
    if settings.ca_file is None:
        return ""
    return _read(settings.ca_file, "IMAGEMILL_STORAGE_CA_FILE")


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        told = os.strerror(error.errno or 0)
        raise InvalidRequest(f"The file of {name} cannot be read ({told}).") from error


def _check_way(settings: StorageSettings, address: str, name: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "http" and not (settings.allow_http or _is_loopback(parts.hostname or "")):
        raise InvalidRequest(
            f"{name} is asked without TLS, so that whoever listens reads the pictures. Write "
            "https://, or set IMAGEMILL_STORAGE_ALLOW_HTTP=1."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
