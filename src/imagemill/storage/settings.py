"""Where the bytes of originals and results lie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


class StorageSettings(BaseModel):
    """Which engine holds the objects, and how it is reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "",
        pattern=r"^(s3://|gs://|az://[a-z0-9]{3,24})?$",
        description="Where the objects lie: `s3://` is AWS, or whatever speaks S3 at the endpoint; "
        "`az://ACCOUNT` is Azure, `gs://` Google. Empty keeps them in the data folder.",
    )
    endpoint: str = Field(
        "",
        pattern=r"^((https?://)?[^/?#@\s]+(/[^?#@\s]*)?)?$",
        description="Address of an object store that is not the vendor's own, such as "
        "`https://minio:9000`; without a scheme it is asked over TLS.",
    )
    public_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+(/[^?#@\s]*)?)?$",
        description="Address under which clients reach the object store, where it is another one "
        "than the services use; signed URLs lead there.",
    )
    region: str = Field(
        "us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the buckets, of S3 only."
    )
    addressing: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where a bucket's name stands in the address: in the `path`, or before the "
        "host (`virtual`); `auto` is `virtual` for AWS and `path` where an endpoint is set.",
    )
    originals_bucket: str = Field(
        "imagemill-originals", pattern=_BUCKET, description="Bucket, or container, of originals."
    )
    results_bucket: str = Field(
        "imagemill-results", pattern=_BUCKET, description="Bucket, or container, of results."
    )
    prefix: str = Field(
        "",
        pattern=r"^([A-Za-z0-9-]+/)*$",
        description="What every key begins with, such as `imagemill/`, in buckets that others use.",
    )
    create_buckets: bool = Field(
        False,
        description="Whether buckets that are not there are made at the start, on S3 only; else "
        "the start fails and says so.",
    )
    access_key: str = Field(
        "",
        description="Name of the key to the object store. Empty: what its environment gives, such "
        "as `AWS_ACCESS_KEY_ID`, a role of the machine or a mounted token.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="The key's secret; of Azure the account's key. Better given by file.",
    )
    secret_key_file: Path | None = Field(
        None, description="File that the secret is read from, at the start."
    )
    session_token: SecretStr = Field(
        SecretStr(""), description="Token that comes with a key which is valid for some hours."
    )
    encryption: Literal["bucket", "s3", "kms"] = Field(
        "bucket",
        description="How S3 encrypts new objects: as the `bucket` says, with keys of the store "
        "(`s3`, SSE-S3), or with a key that you manage (`kms`, SSE-KMS).",
    )
    kms_key_id: str = Field(
        "", description="Key for `kms`, as its ARN or id; empty takes the account's own for S3."
    )
    checksums: bool = Field(
        True,
        description="Whether S3 is sent a sha256 with each object and part, which it compares; a "
        "store that refuses the header needs this off.",
    )
    allow_http: bool = Field(
        False,
        description="Whether an endpoint may be asked without TLS, so that whoever listens reads "
        "the pictures. Loopback always may.",
    )
    ca_file: Path | None = Field(
        None,
        description="File with the certificates (PEM) of who signed the object store's, beside "
        "those that are commonly trusted.",
    )
    timeout_s: float = Field(
        10.0, ge=0.1, le=300, description="Longest silence of the object store within a request."
    )
    retries: int = Field(
        2,
        ge=0,
        le=10,
        description="Further tries of a request that the object store did not answer, or answered "
        "with an error of its own.",
    )
    spool: Path | None = Field(
        None,
        description="Folder of unnamed files for originals while a worker reads them; not set, "
        "they are in memory, one for each child and each that is fetched ahead.",
    )
