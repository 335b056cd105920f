"""Functions and files stay small enough to be read at once."""

from __future__ import annotations

from collections.abc import Iterator

from tests.house.sources import Source, complaints, snippet

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
LONGEST_TEST_FILE = 600


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > LONGEST_FUNCTION:
            yield source.complain(function.lineno, f"{function.name} has {length} lines")


def long_files(source: Source) -> Iterator[str]:
    limit = LONGEST_TEST_FILE if source.path.parts[0] == "tests" else LONGEST_FILE
    if len(source.lines) > limit:
        yield source.complain(limit, f"has {len(source.lines)} lines, and {limit} is the limit")


def test_no_function_is_longer_than_60_lines() -> None:
    assert complaints(long_functions) == []


def test_no_file_is_longer_than_400_lines_nor_a_test_file_longer_than_600() -> None:
    assert complaints(long_files) == []


def test_a_function_of_61_lines_is_found() -> None:
    source = snippet("def f() -> None:", *["    ..."] * LONGEST_FUNCTION)

    assert list(long_functions(source)) == [
        "src/imagemill/snippet.py:1: f has 61 lines",
    ]


def test_a_file_of_401_lines_is_found() -> None:
    source = snippet(*["..."] * (LONGEST_FILE + 1))

    assert len(list(long_files(source))) == 1


def test_a_test_file_of_401_lines_is_not() -> None:
    source = snippet(*["..."] * (LONGEST_FILE + 1), path="tests/test_snippet.py")

    assert list(long_files(source)) == []
