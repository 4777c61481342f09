"""Vulnerabilities and licences of the locked packages: ``python -m tests.audit PIP_AUDIT`` (``make audit``).

The exit status is 1 where something is found, and 2 where nobody could be asked: silence says nothing.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.licences import LOCK, ROOT, flaws, locked

LOCKED: Final = ("", "-headless", "-docs", "-fuzz", "-audit", "-peers", "-engines", "-cluster")
LOCKS: Final = tuple(ROOT / f"requirements{each}.txt" for each in LOCKED)
FOUND, NOT_ASKED = 1, 2


def main(pip_audit: str) -> int:
    """Look at every lock; returns the exit status."""
    statuses = {vulnerabilities(pip_audit, lock) for lock in LOCKS}
    lines = [*flaws()]
    for line in lines:
        print(f"licence: {line}")
    print(f"licences: {len(locked())} packages in {LOCK.name}, {len(lines)} that may not be used")
    return FOUND if lines or FOUND in statuses else max(statuses)


def vulnerabilities(pip_audit: str, lock: Path) -> int:
    """Ask which packages of a lock have known vulnerabilities; returns 0, `FOUND` or `NOT_ASKED`."""
    with TemporaryDirectory() as name:
        out = Path(name) / "answers.json"
        command = [pip_audit, "--disable-pip", "--no-deps", "--require-hashes", "--progress-spinner", "off"]
        command += ["--format", "json", "--output", str(out), "--requirement", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        answers = read(out.read_text(encoding="utf-8")) if out.is_file() else []
    lines, unasked = told(answers, locked(lock))
    for line in lines:
        print(f"{lock.name}: {line}")
    for name, why in [*unasked.items()][:1]:
        why = why or (done.stderr.strip().splitlines() or ["no answer"])[-1][-200:]
        print(f"{lock.name}: COULD NOT ASK about {len(unasked)} of {len(locked(lock))} packages: {name}: {why}")
    print(f"{lock.name}: {len(locked(lock)) - len(unasked)} packages asked about, {len(lines)} vulnerabilities known")
    return FOUND if lines else NOT_ASKED if unasked else 0


def read(text: str) -> list[dict[str, Any]]:
    """Return what pip-audit answers, by package; nothing where it is no answer."""
    try:
        return list(json.loads(text)["dependencies"])
    except (ValueError, KeyError, TypeError):
        return []


def told(answers: list[dict[str, Any]], names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a line for each known vulnerability, and the packages that nobody could be asked about, with the reason.

    A package that the index does not know is among these: pip-audit itself calls it skipped, and all well.
    """
    of_each = {each["name"].lower().replace("_", "-"): each for each in answers}
    lines = [
        f"{each['name']} {each['version']}: {flaw['id']} ({', '.join(flaw['fix_versions']) or 'not mended yet'})"
        for each in answers
        for flaw in each.get("vulns", ())
    ]
    reasons = {name: of_each.get(name.lower(), {"skip_reason": ""}).get("skip_reason") for name in names}
    return lines, {name: why for name, why in sorted(reasons.items()) if why is not None}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
