"""Run the no-op benchmark: `python -m benchmarks.noop --help`."""

from __future__ import annotations

import sys

from benchmarks.noop.run import main

sys.exit(main(sys.argv[1:]))
