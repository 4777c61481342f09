"""Whether searching and judging go on beside each other: the daemon's rate by that of each of its parts alone."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice
from smearwatch.daemon.wire.sockets import Listener, context
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import Engine
from tests.bench.performance.running import running, until_staffed
from tests.bench.piped.stages import go_through, real_fields
from tests.bench.seen.fields import CHULA_UM_PER_PX

_QUIET_S = 10.0
_SOME_FIELDS = 20


def measure(rounds: int, fields: int) -> dict[str, Any]:
    """Time, in turn, the search alone, the judging of its crops alone, and the daemon with both.

    Only what the daemon judges is judged alone: cells seen again are not. Times begin when everything is loaded.
    """
    rows = []
    for _ in range(rounds):
        judged, together_s = _together(real_fields(fields))
        rows.append({"search_s": _alone("search", fields), "judge_s": _alone("judge", judged), "both_s": together_s})
    rates = [max(row["search_s"], row["judge_s"]) / row["both_s"] for row in rows]
    return {
        "fields": fields,
        "judged": judged,
        "rounds": [{name: round(value, 2) for name, value in row.items()} for row in rows],
        "rate by that of the slower part alone": {
            "median": round(median(rates), 2),
            "of": [round(r, 2) for r in rates],
        },
    }


def main() -> None:
    """Do one part alone, and print the seconds that it took."""
    part, count = sys.argv[1], int(sys.argv[2])
    if part == "search":
        pictures = [(path.read_bytes(), CHULA_UM_PER_PX) for path in real_fields(count)]
        began = time.perf_counter()
        go_through(pictures, given=True)
    else:
        crops = _some_crops()
        engine = Engine.load(shipped_weights_dir(), device="cpu")
        engine.judge(crops[:1])
        began = time.perf_counter()
        for number in range(count):
            engine.judge([crops[number % len(crops)]])
    json.dump(time.perf_counter() - began, sys.stdout)


def _some_crops() -> list[np.ndarray]:
    crops = []
    for path in real_fields(_SOME_FIELDS):
        result = find(path.read_bytes(), um_per_px=CHULA_UM_PER_PX, um_per_px_source="configured")
        if isinstance(result, FieldFound):
            crops += [cell.crop_bgr for cell in result.cells if cell.crop_bgr is not None]
    return crops


def _alone(part: str, count: int) -> float:
    command = [sys.executable, "-m", "tests.bench.piped.overlap", part, str(count)]
    return float(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def _together(frames: list[Path]) -> tuple[int, float]:
    """Have the daemon count frames; return how many cells it judged, and in how many seconds."""
    with tempfile.TemporaryDirectory() as name, context() as owner:
        folder = Path(name)
        (folder / "in").mkdir()
        with running(folder, "--um-per-px", str(CHULA_UM_PER_PX)):
            listener = Listener(owner, Endpoints.under(folder / "run"))
            until_staffed(listener)
            began, last, judged, heard = time.monotonic(), 0.0, 0, time.monotonic()
            for frame in frames:
                (folder / "in" / frame.name).write_bytes(frame.read_bytes())
            while time.monotonic() - heard < _QUIET_S:
                message = listener.receive(1.0)
                if isinstance(message, EventNotice) and message.event in ("found", "counted", "rejected"):
                    last = heard = time.monotonic()
                    judged += message.event == "counted"
            listener.close()
    return judged, last - began


if __name__ == "__main__":
    main()
