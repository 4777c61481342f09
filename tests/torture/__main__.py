"""Kills a count again and again and compares what it holds in the end with an undisturbed one.

``python -m tests.torture --kills 200 --frames 10000 --sessions 20 --out docs/reliability/torture.json`` is `make
torture`. Exits 1 when something was lost, doubled or otherwise. Interrupted, the same command goes on after the last
whole session.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.torture.comparing import as_json
from tests.torture.sessions import torture


def main() -> int:
    """Read the arguments, torture, print and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench-out/torture.json"))
    asked = parser.parse_args()
    began_s, made = time.monotonic(), f"{datetime.now(UTC):%Y-%m-%d}"
    command = (
        f"python -m tests.torture --kills {asked.kills} --frames {asked.frames} --sessions {asked.sessions} "
        f"--copies {asked.copies} --seed {asked.seed}"
    )
    rounds, before_s = _done_before(asked.out, command, asked.sessions)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        for result in torture(
            Path(folder), kills=asked.kills, frames=asked.frames, sessions=asked.sessions, copies=asked.copies,
            seed=asked.seed, first=len(rounds),
        ):  # fmt: skip
            rounds.append(result)
            bad = "; ".join(result["flaws"]) or "nothing lost, doubled or otherwise"
            print(f"session {len(rounds)}: {result['kills']} kills, {result['frames']} frames: {bad}", flush=True)
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            document = {
                "made": made,
                "command": command,
                "python": platform.python_version(),
                "seconds": round(before_s + time.monotonic() - began_s),
                "sessions": rounds,
            }
            asked.out.write_text(as_json(document), encoding="utf-8")
    return int(any(result["flaws"] for result in rounds))


def _done_before(out: Path, command: str, sessions: int) -> tuple[list[dict[str, Any]], float]:
    """Return the sessions of a run of the same command that was interrupted, and its seconds."""
    try:
        document = json.loads(out.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError):
        return [], 0.0
    unfinished = document.get("command") == command and len(document["sessions"]) < sessions
    return (document["sessions"], document["seconds"]) if unfinished else ([], 0.0)


if __name__ == "__main__":
    sys.exit(main())
