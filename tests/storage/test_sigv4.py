"""URLs that are signed for S3: as AWS itself shows it."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import SecretStr

from imagemill.storage.objects.sigv4 import LONGEST_S, Call, Keys, signed

KEYS = Keys(
    "AKIAIOSFODNN7EXAMPLE", SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "us-east-1"
)
"""Those of the example in AWS's documentation."""
AT = datetime(2013, 5, 24, tzinfo=UTC).timestamp()


def test_the_example_of_aws_is_signed_as_aws_signs_it() -> None:
    call = Call("GET", "https://examplebucket.s3.amazonaws.com/test.txt")

    url = signed(call, KEYS, at=AT, seconds=86400)

    assert url.endswith("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_no_url_is_signed_for_longer_than_s3_takes_it() -> None:
    call = Call("GET", "https://examplebucket.s3.amazonaws.com/test.txt")

    url = signed(call, KEYS, at=AT, seconds=LONGEST_S + 1)

    assert f"X-Amz-Expires={LONGEST_S}&" in url


def test_a_token_of_keys_that_end_goes_into_the_url_and_the_secret_never_does() -> None:
    keys = Keys("AKIA", SecretStr("hush"), "eu-central-1", SecretStr("to/ken"))

    url = signed(Call("PUT", "https://s3.example.com/bucket/key"), keys, at=AT, seconds=60)

    assert "X-Amz-Security-Token=to%2Fken" in url
    assert "eu-central-1" in url
    assert "hush" not in url + repr(keys)
