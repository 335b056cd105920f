"""The names of lines of the log can be searched for: words of one case, each on the page."""

from __future__ import annotations

import re

from docs.generator.log_events import log_events
from tests.house.sources import ROOT


def test_every_event_of_the_log_is_named_in_small_letters() -> None:
    odd = [each.name for each in log_events() if not re.fullmatch(r"[a-z]+(_[a-z]+)*", each.name)]

    assert odd == []
    assert len(log_events()) > 20


def test_no_line_of_the_log_is_written_in_a_way_that_the_page_misses() -> None:
    text = (ROOT / "docs/reference/log-events.md").read_text(encoding="utf-8")
    written = {
        name
        for path in (ROOT / "src/imagemill").rglob("*.py")
        for name in re.findall(
            r"\blog\w*\.(?:debug|info|warning|error|exception)\(\s*\"(\w+)\"",
            path.read_text(encoding="utf-8"),
        )
    }

    assert [name for name in sorted(written) if f"`{name}`" not in text] == []
