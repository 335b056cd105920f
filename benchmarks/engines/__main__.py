"""Run the benchmark of engines: `python -m benchmarks.engines --help`."""

from __future__ import annotations

import sys

from benchmarks.engines.run import main

sys.exit(main(sys.argv[1:]))
