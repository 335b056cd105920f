"""Mail, SMS and push say what happened in plain words, and nothing that was named gets loose."""

from __future__ import annotations

import pytest

from imagemill.notifier.facts import Facts, Failure, Result
from imagemill.notifier.texts import SMS_CHARACTERS, Said, gsm7, is_told, mail, push, sms

HOME = "https://images.example.com"
JOB = "faf2aad0-4c2b-4266-bd84-af435d85c138"
TYPES = (
    *("job.completed", "job.failed", "job.dead", "batch.completed"),
    *("image.stored", "image.failed", "test"),
)


def result(name: str = "small", size_bytes: int = 21_504, format_: str = "webp") -> Result:
    path = f"/api/v1/jobs/{JOB}/outputs/{name}"
    return Result(name, path, format_, 400, 300, size_bytes)


def completed(*results: Result, what: str = "resize") -> Facts:
    return Facts("job.completed", JOB, f"/api/v1/jobs/{JOB}", what, results=results)


def signed(path: str) -> str:
    return f"{HOME}{path}?expires=1&signature=abc"


def html(facts: Facts) -> str:
    said = mail(facts, HOME, signed)
    assert said.html is not None
    return said.html


@pytest.mark.parametrize("type_", TYPES)
def test_there_are_words_for_every_event_that_people_are_told(type_: str) -> None:
    facts = Facts(type_, JOB)

    said = [mail(facts, HOME, signed), sms(facts), push(facts)]

    assert is_told(type_)
    assert all(each.text for each in said)


def test_there_are_none_for_what_is_not_told() -> None:
    assert not is_told("job.progress")


def test_a_mail_shows_each_result_with_its_signed_link() -> None:
    body = html(completed(result("small"), result("data", 210, "json")))

    address = f"{HOME}/api/v1/jobs/{JOB}/outputs/small?expires=1&amp;signature=abc"
    assert f'<a href="{address}">{address}</a>' in body
    assert "small (webp, 400 × 300 px, 22 kB)" in body
    assert "data (json, 400 × 300 px, 210 bytes)" in body


def test_a_mail_shows_the_smallest_picture_that_mail_programs_can() -> None:
    results = (result("avif", 10, "avif"), result("big", 500_000), result("small", 20_000))

    body = html(completed(*results))

    assert body.count("<img ") == 1
    assert 'outputs/small?expires=1&amp;signature=abc" width="320" alt="small"' in body


@pytest.mark.parametrize(
    "only", [result("huge", 5_000_000), result("data", 10, "json"), result("a", 10, "avif")]
)
def test_a_mail_without_a_fit_picture_shows_none(only: Result) -> None:
    assert "<img" not in html(completed(only))


def test_a_mail_shows_ten_results_and_counts_the_rest() -> None:
    body = html(completed(*(result(f"size-{n}") for n in range(12))))

    assert body.count("<li>") == 10
    assert "There are 2 more." in body


@pytest.mark.parametrize("name", ['<script>alert("x")</script>', "\"><img src=x onerror='x'>"])
def test_what_users_named_is_escaped_in_a_mail(name: str) -> None:
    facts = Facts(
        "batch.completed",
        name,
        what=name,
        reason=name,
        counts={"failed": 1},
        failures=(Failure(name, name),),
        results=(result(name),),
    )

    body = html(facts)

    assert "<script" not in body
    assert "onerror='" not in body
    assert body.count("<img ") == 1


def test_a_failed_job_says_why() -> None:
    facts = Facts("job.failed", JOB, what="resize", reason="The picture ends\nbefore it should.")

    assert "The picture ends before it should." in html(facts)
    assert "The picture ends before it should." in push(facts).text


def test_a_batch_is_told_with_its_counts_and_its_failures() -> None:
    facts = Facts(
        "batch.completed",
        JOB,
        counts={"completed": 95, "failed": 3, "cancelled": 0},
        failures=(Failure("a.jpg", "It is no picture."),),
    )

    body = html(facts)

    assert "95 completed, 3 failed." in body
    assert "<li>a.jpg: It is no picture.</li>" in body
    assert sms(facts).text == "Imagemill: Batch faf2aad0 has ended. 95 completed, 3 failed."


def test_an_sms_is_one_text_without_a_title() -> None:
    said = sms(completed(result(), result("data", 10, "json")))

    assert said == Said("", "Imagemill: Job faf2aad0 is done. 2 results.")


def test_an_sms_of_a_long_reason_is_cut_to_one_sms() -> None:
    said = sms(Facts("job.failed", JOB, reason="long " * 100))

    assert len(said.text) == SMS_CHARACTERS
    assert said.text.endswith("...")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Grüße", "Grüße"),
        ("façade č", "facade c"),
        ("日本 😀", "?? ?"),
        ("a[b]^{c}~|€`", "a?b???c?????"),
    ],
)
def test_an_sms_has_letters_of_gsm7_alone(text: str, written: str) -> None:
    assert gsm7(text) == written


def test_a_push_message_has_a_title_and_a_body() -> None:
    said = push(completed(result()))

    assert said == Said("Job faf2aad0 is done", f"Your job {JOB} (resize) is done. 1 result.")
