"""Run the crowd benchmark: `python -m benchmarks.crowd --help`."""

from __future__ import annotations

import sys

from benchmarks.crowd.run import main

sys.exit(main(sys.argv[1:]))
