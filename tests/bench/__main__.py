"""All benchmarks, or those that are named: ``python -m tests.bench [NAME …]``."""

import importlib
import sys

NAMES = (
    "start",
    "hub_memory",
    "inference",
    "engines",
    "training",
    "seeing",
    "restain",
    "drift",
    "camera",
    "folder",
    "review",
    "signed",
    "scaling",
    "archive",
)

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"tests.bench.{name}").main()
