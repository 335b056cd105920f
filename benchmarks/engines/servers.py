"""The servers under a form, as the tests start them, and what tells Imagemill where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from benchmarks.systems import NotInstalled
from tests.peers.moto import moto_server
from tests.peers.nats import nats_server
from tests.peers.postgres import postgres_server
from tests.peers.rabbitmq import rabbitmq_server
from tests.peers.rgw import rgw_server
from tests.peers.tansu import tansu_server

Opener = Callable[[Path], AbstractContextManager[dict[str, str]]]
"""Starts a server in an empty folder for a block, and gives the settings that lead there."""


@contextmanager
def _postgres(folder: Path) -> Iterator[dict[str, str]]:
    del folder  # It takes one that its own user may enter.
    with postgres_server(is_synced=True) as server:
        yield {"IMAGEMILL_DATABASE_URL": server.url}


@contextmanager
def _nats(folder: Path) -> Iterator[dict[str, str]]:
    with nats_server(folder) as server:
        yield {"IMAGEMILL_QUEUE_URL": server.url}


@contextmanager
def _rabbitmq(folder: Path) -> Iterator[dict[str, str]]:
    with rabbitmq_server(folder) as server:
        yield {"IMAGEMILL_QUEUE_URL": server.url}


@contextmanager
def _kafka(folder: Path) -> Iterator[dict[str, str]]:
    del folder  # It keeps everything in memory.
    with tansu_server() as server:
        yield {"IMAGEMILL_QUEUE_URL": server.url, "IMAGEMILL_QUEUE_KAFKA_IDEMPOTENT": "false"}


@contextmanager
def _sqs(folder: Path) -> Iterator[dict[str, str]]:
    del folder  # As above.
    with moto_server() as server:
        yield {
            "IMAGEMILL_QUEUE_URL": "sqs://eu-west-1",
            "IMAGEMILL_QUEUE_SQS_ENDPOINT_URL": server.url,
            "IMAGEMILL_QUEUE_SQS_ACCESS_KEY_ID": "key",
            "IMAGEMILL_QUEUE_SQS_SECRET_ACCESS_KEY": "secret",
        }


@contextmanager
def _s3(folder: Path) -> Iterator[dict[str, str]]:
    with rgw_server(folder) as server:
        yield {
            "IMAGEMILL_STORAGE_URL": "s3://",
            "IMAGEMILL_STORAGE_ENDPOINT": server.url,
            "IMAGEMILL_STORAGE_ACCESS_KEY": server.user.access_key,
            "IMAGEMILL_STORAGE_SECRET_KEY": server.user.secret_key,
            "IMAGEMILL_STORAGE_CREATE_BUCKETS": "true",
        }


_OPENERS: Final[Mapping[str, Opener]] = {
    "postgres": _postgres,
    "nats": _nats,
    "rabbitmq": _rabbitmq,
    "kafka": _kafka,
    "sqs": _sqs,
    "s3": _s3,
}


@contextmanager
def served(engine: str, folder: Path) -> Iterator[dict[str, str]]:
    """Start a server by name; raises `NotInstalled` where it is not on this machine."""
    with ExitStack() as opened:
        try:
            settings = opened.enter_context(_OPENERS[engine](folder))
        except pytest.skip.Exception as missing:
            raise NotInstalled(str(missing)) from missing
        yield settings
