"""How a PostgreSQL is reached, and whom it is believed to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from imagemill.database.postgres.address import Trust, conninfo_of
from imagemill.errors import InvalidRequest

NOBODY = Trust()


def of(
    url: str, trust: Trust = NOBODY, environ: Mapping[str, str] | None = None
) -> dict[str, object]:
    return dict(conninfo_to_dict(conninfo_of(url, trust, "IMAGEMILL_DATABASE_URL", environ or {})))


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.7", "127.0.0.1,db.example.com"])
def test_a_server_elsewhere_is_verified(host: str) -> None:
    told = of(f"postgresql://me:secret@{host}/imagemill")

    assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", "system")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", ""])
def test_a_server_on_this_machine_needs_no_certificate(host: str) -> None:
    assert "sslmode" not in of(f"postgresql://me:secret@{host}/imagemill?application_name=x")


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://localhost/imagemill?hostaddr=10.0.0.7", {}),
        ("postgresql:///imagemill", {"PGHOST": "db.example.com"}),
        ("postgresql://localhost/imagemill", {"PGHOSTADDR": "10.0.0.7"}),
    ],
)
def test_a_server_that_is_elsewhere_by_a_detour_is_verified(
    url: str, environ: dict[str, str]
) -> None:
    assert of(url, environ=environ)["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://localhost/imagemill?service=other", {}),
        ("postgresql://localhost/imagemill", {"PGSERVICE": "other"}),
    ],
)
def test_a_service_file_is_refused(url: str, environ: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="IMAGEMILL_DATABASE_URL cannot be completed"):
        of(url, environ=environ)


def test_an_address_may_say_how_much_is_verified() -> None:
    told = of("postgresql://me:secret@db/imagemill?sslmode=disable")

    assert told["sslmode"] == "disable"


def test_files_say_who_vouches_and_who_comes() -> None:
    files = Trust(Path("/tls/ca.pem"), Path("/tls/me.pem"), Path("/tls/me.key"))

    told = of("postgresql://me@db.example.com/imagemill", files)

    names = ("sslmode", "sslrootcert", "sslcert", "sslkey")
    assert [told[name] for name in names] == [
        "verify-full",
        "/tls/ca.pem",
        "/tls/me.pem",
        "/tls/me.key",
    ]


def test_a_wrong_address_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        of("postgresql://me:secret@db/imagemill?no_such_word=1")

    assert "IMAGEMILL_DATABASE_URL is no address" in refusal.value.message
    assert "secret" not in refusal.value.message
