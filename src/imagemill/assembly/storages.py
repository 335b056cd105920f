"""Which engine holds the bytes of originals and results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imagemill.assembly.addresses import address_of
from imagemill.backup.places import objects_folder
from imagemill.contracts.uploads import STORED
from imagemill.errors import InvalidRequest
from imagemill.faults import Faults
from imagemill.storage import Storage
from imagemill.storage.local import Links, LocalStorage

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts
    from imagemill.storage.objects import ObjectStorage
    from imagemill.storage.settings import StorageSettings


def open_storage(parts: Parts) -> Storage:
    """Open the objects of an installation; they are closed with the parts."""
    if parts.settings.storage.url:
        objects = object_storage(parts.settings.storage, parts.faults)
        parts.opened.push_async_callback(objects.close)
        parts.starts.append(objects.start)
        return objects
    sync = os.fsync if parts.is_synced else _leave_unsynced
    root = objects_folder(parts.settings.data)

    def links() -> Links:
        """Tell where signed URLs of objects lead; only who signs one reads the key."""
        return Links(parts.url_signer, address_of(parts.settings), STORED)

    local = LocalStorage(root, sync=sync, faults=parts.faults, links=links)
    parts.opened.push_async_callback(local.close)
    return local


def object_storage(settings: StorageSettings, faults: Faults | None = None) -> ObjectStorage:
    """Open an object store, which who opens it starts and closes.

    Raises `InvalidRequest` where the settings do not fit together, or its extra is missing.
    """
    try:
        from imagemill.storage.objects import opening  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InvalidRequest(
            "IMAGEMILL_STORAGE_URL is set, but the extra for it is not installed: "
            "pip install 'imagemill[s3]'."
        ) from error
    return opening.open_objects(settings, os.environ, faults)


def _leave_unsynced(_: int) -> None:
    """Leave it to the kernel when a file reaches the disk."""
