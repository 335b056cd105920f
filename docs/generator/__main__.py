"""Write the pages that are out of date; with `--check` only name them and fail."""

from __future__ import annotations

import sys

from docs.generator import DOCS, stale


def main(arguments: list[str]) -> int:
    """Answer the exit status: 1 when `--check` finds a page that is not true."""
    pages = stale()
    if "--check" in arguments:
        if pages:
            print(f"Out of date: {', '.join(pages)}. Write them anew with: make docs")
        return bool(pages)
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"Wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
