"""The program `imagemill`, also started by `python -m imagemill`."""

from __future__ import annotations

import sys

from imagemill.cli.application import run


def main() -> None:
    """Run the command that the arguments name and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
