"""How the settings become an object store that is ready to be started."""

from __future__ import annotations

import time
from collections.abc import Mapping

from imagemill.faults import Faults
from imagemill.storage import Bucket
from imagemill.storage.objects import Buckets, ObjectStorage
from imagemill.storage.objects import places as where
from imagemill.storage.objects.calls import Calls
from imagemill.storage.objects.signers import KeyURLs, StoreURLs, URLs
from imagemill.storage.objects.sigv4 import Keys
from imagemill.storage.objects.stores import open_store, put_headers
from imagemill.storage.objects.unfinished import S3Requests
from imagemill.storage.settings import StorageSettings


def open_objects(
    settings: StorageSettings, environ: Mapping[str, str], faults: Faults | None = None
) -> ObjectStorage:
    """Open an object store, which whoever opens it starts and closes.

    Raises `InvalidRequest` where the settings do not fit together.
    """
    names, calls = where.names_of(settings), Calls()
    where.public_of(settings)
    is_s3 = where.scheme_of(settings) == where.S3
    keys = where.keys_of(settings, environ) if is_s3 else None
    return ObjectStorage(
        Buckets(
            stores={bucket: open_store(settings, names[bucket], keys) for bucket in Bucket},
            names=names,
            urls=_urls(settings, names, keys, calls),
            calls=calls,
            requests=_requests(settings, names, keys) if keys else None,
            prefix=settings.prefix,
            faults=faults or Faults.none(),
            spool=settings.spool,
            makes_buckets=settings.create_buckets,
        )
    )


def _urls(
    settings: StorageSettings, names: Mapping[Bucket, str], keys: Keys | None, calls: Calls
) -> URLs:
    headers = put_headers(settings)
    if keys is None:
        reached = {
            bucket: open_store(settings, name, keys, is_public=True)
            for bucket, name in names.items()
        }
        return StoreURLs(reached, headers, calls)
    public = {
        bucket: where.bucket_url(settings, name, is_public=True) for bucket, name in names.items()
    }
    return KeyURLs(public, keys, headers, time.time)


def _requests(settings: StorageSettings, names: Mapping[Bucket, str], keys: Keys) -> S3Requests:
    return S3Requests(
        {bucket: where.bucket_url(settings, name) for bucket, name in names.items()},
        keys,
        certificates=where.certificates_of(settings),
        timeout_s=settings.timeout_s,
        clock=time.time,
    )
