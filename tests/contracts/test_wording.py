"""What is wrong with a value, said to people."""

from __future__ import annotations

import pytest

from imagemill.errors import InvalidRequest
from imagemill.pipeline import parse_step


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"op": "resize", "width": 0}, "must be at least 1."),
        ({"op": "resize", "width": 99_999}, "must be at most 10000."),
        ({"op": "resize", "width": "wide"}, "must be a whole number."),
        ({"op": "resize", "width": 5, "hight": 5}, "is not known here."),
        ({"op": "resize", "width": 5, "enlarge": "perhaps"}, "must be true or false."),
        ({"op": "filter"}, "is missing."),
        ({"op": "blur", "sigma": "much"}, "must be a number."),
    ],
)
def test_a_wrong_value_is_named_in_a_sentence(step: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_step(step)

    assert [each.problem for each in error.value.errors] == [said]
