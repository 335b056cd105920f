"""The mock cluster inside librdkafka, in a process of its own: three brokers, and not Kafka."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

_CLUSTER = """
import ctypes, pathlib, sys
import confluent_kafka

# The library's own interface sets no delay for groups, which is 3 s; the C interface does.
folder = pathlib.Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
library = ctypes.CDLL(str(next(folder.glob("librdkafka-*"))))
library.rd_kafka_conf_new.restype = ctypes.c_void_p
library.rd_kafka_new.restype = ctypes.c_void_p
library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
library.rd_kafka_mock_topic_create.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int
]
library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [ctypes.c_void_p, ctypes.c_int32]
client = library.rd_kafka_new(0, library.rd_kafka_conf_new(), None, 0)
cluster = library.rd_kafka_mock_cluster_new(client, int(sys.argv[1]))
library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
servers = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
print(confluent_kafka.libversion()[0], servers, flush=True)
for topic in sys.stdin:
    library.rd_kafka_mock_topic_create(cluster, topic.strip().encode(), 12, 3)
    print("made", flush=True)
"""
"""A program that runs the cluster until its input ends, and makes the topics that it reads."""


@dataclass(frozen=True, slots=True)
class KafkaMock:
    """One running mock cluster; it makes topics when they are used, with 4 partitions."""

    process: subprocess.Popen[bytes]
    servers: str
    """Where clients find its brokers."""
    version: str
    """Name and version, as the library tells them."""

    @property
    def url(self) -> str:
        """Address as the settings take it."""
        return f"kafka://{self.servers}"

    def make(self, topic: str) -> None:
        """Make a topic with 12 partitions, for clients that cannot ask this cluster to."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{topic}\n".encode())
        self.process.stdin.flush()
        self.process.stdout.readline()


@contextlib.contextmanager
def kafka_mock(brokers: int = 3) -> Iterator[KafkaMock]:
    """Run one for a block; skip where it is not installed."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka, which has the mock, is missing")
    command = [sys.executable, "-c", _CLUSTER, str(brokers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            version, servers = process.stdout.readline().decode().split()
            yield KafkaMock(process, servers, f"librdkafka {version}'s mock, a stand-in for Kafka")
        finally:
            process.kill()
