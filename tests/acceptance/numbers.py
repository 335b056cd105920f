"""What a running system tells Prometheus, read as Prometheus reads it."""

from __future__ import annotations

import httpx2
from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            sample for each in text_string_to_metric_families(text) for sample in each.samples
        ]
        self.names = {each.name for each in self.samples}

    def of(self, name: str, **labels: str) -> float:
        """Add up the samples of a name that have these labels; 0 where there is none."""
        wanted = labels.items()
        return sum(
            each.value
            for each in self.samples
            if each.name == name and wanted <= each.labels.items()
        )

    def values(self, name: str, label: str) -> set[str]:
        """List the values that a label has."""
        return {each.labels[label] for each in self.samples if each.name == name}


def scraped(url: str, key: str = "") -> Scraped:
    """Scrape an address, with a key where it asks for one."""
    headers = {"x-api-key": key} if key else {}
    answer = httpx2.get(f"{url}/metrics", headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scraped(answer.text)
