"""What takes long, and what came of it last: tests marked ``long``, and the wheel installed by pip alone.

Run as ``python -m tests.long`` in an environment with Ray (``make test-long``); writes docs/test-long.md, which is
committed, and exits 1 when something failed. Every subject here is tested in short by ``make test`` too.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "test-long.md"


class Outcome(NamedTuple):
    """What one of them came to."""

    name: str
    outcome: str
    seconds: float


def marked() -> list[Outcome]:
    """Run the tests marked ``long`` one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-m", "long", "-rs", "--junit-xml", str(path)]
        subprocess.run(command, cwd=ROOT, check=False)
        cases = ElementTree.parse(path).iter("testcase")
        return [_outcome(case) for case in cases]


def _outcome(case: ElementTree.Element) -> Outcome:
    bad = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    outcome = next((word for tag, word in bad.items() if case.find(tag) is not None), "passed")
    return Outcome(f"{case.get('classname')}::{case.get('name')}", outcome, float(case.get("time") or 0))


def downloaded() -> Outcome:
    """Install the wheel in an empty environment as a stranger does, by pip alone."""
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "tests.packaging", "--download"], cwd=ROOT, check=False)
    return Outcome("tests.packaging --download", "failed" if done.returncode else "passed", time.monotonic() - began_s)


def commit() -> str:
    """Return which commit this is, and whether more than it was there."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "no commit"


def page(outcomes: list[Outcome]) -> str:
    """Return the page: when, of what, on what, and each outcome."""
    counts = {word: sum(one.outcome == word for one in outcomes) for word in ("passed", "failed", "skipped")}
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    made = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, Python {platform.python_version()}"
    rows = "\n".join(f"| `{name}` | {outcome} | {seconds:.0f} |" for name, outcome, seconds in outcomes)
    return f"""# What takes long

`make test-long` runs what takes longer than a change should wait for, and writes this page. Its subjects are tested in
short by `make test` too. The seconds only say which take longest.

{made}, {len(os.sched_getaffinity(0))} cores: {summary}.

| test | outcome | seconds |
|---|---|---|
{rows}
"""


def main() -> int:
    """Run all, write the page."""
    outcomes = [*marked(), downloaded()]
    PAGE.write_text(page(outcomes), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")
    return int(any(one.outcome == "failed" for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
