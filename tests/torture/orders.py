"""The same frames in other orders: what of a count depends on the order in which they came, and what does not.

``python -m tests.torture.orders --frames 300 --orders 4 --out docs/reliability/orders.json`` is part of `make torture`.
"""

import argparse
import hashlib
import json
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import dist
from pathlib import Path
from typing import Any

from smearwatch.daemon.record.events import Counted, Found, Recorded
from smearwatch.daemon.record.found import COUNTS, FoundCell
from smearwatch.daemon.record.reading import LedgerReader
from tests.torture.comparing import Content, as_json
from tests.torture.desk import UM_PER_PX, Desk
from tests.torture.sessions import draw

_SAME_UM = 4.0


@dataclass
class Leukocytes:
    """A session's leukocytes by the names that the slide's truth has for them.

    Attributes
    ----------
    times
        How often each counts.
    judged
        The view of each whose verdict stands, and its class.
    """

    times: Counter[str] = field(default_factory=Counter)
    judged: dict[str, tuple[tuple[str, int], str]] = field(default_factory=dict)
    unknown: int = 0
    searched: dict[str, list[FoundCell]] = field(default_factory=dict)
    estimates: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Path, truth: dict[str, list[dict[str, Any]]]) -> "Leukocytes":
        """Read a session; ``truth`` has the true cells by frame."""
        ours = cls()
        named: dict[tuple[str, int], str] = {}
        with LedgerReader.read(session) as ledger:
            for recorded in ledger.events():
                named |= ours._take(recorded, truth, named)
        return ours

    def _take(
        self, recorded: Recorded, truth: dict[str, list[dict[str, Any]]], named: dict[tuple[str, int], str]
    ) -> dict[tuple[str, int], str]:
        event, new = recorded.event, {}
        if isinstance(event, Found):
            self.searched[event.frame] = [replace(cell, same_as=None, better_than=None) for cell in event.cells]
            self.estimates[event.frame] = event.um_per_px_estimate
            for cell in event.cells:
                if cell.at_edge:
                    continue
                name = _name(truth[event.frame], cell.centre_xy_px)
                self.unknown += name is None and cell.left_out == COUNTS
                if name is not None:
                    new[event.frame, cell.index] = name
                    self.times[name] += cell.left_out == COUNTS
        elif isinstance(event, Counted) and (event.frame, event.index) in named:
            self.judged[named[event.frame, event.index]] = ((event.frame, event.index), event.cls)
        return new


def _name(cells: list[dict[str, Any]], centre_xy_px: tuple[float, float]) -> str | None:
    near = min(cells, key=lambda cell: dist(cell["centre"], centre_xy_px), default=None)
    if near is None or dist(near["centre"], centre_xy_px) * float(UM_PER_PX) > _SAME_UM:
        return None
    return str(near["name"])


def compare_orders(one: Leukocytes, other: Leukocytes) -> dict[str, int]:
    """Return what two counts of the same frames have otherwise."""
    both = one.judged.keys() & other.judged.keys()
    same_view = [name for name in both if one.judged[name][0] == other.judged[name][0]]
    return {
        "frames_searched_otherwise": sum(
            not _alike(one.searched.get(frame), other.searched.get(frame))
            for frame in one.searched.keys() | other.searched.keys()
        ),
        "frames_with_another_scale_estimate": sum(
            one.estimates[frame] != other.estimates[frame] for frame in one.estimates.keys() & other.estimates.keys()
        ),
        "leukocytes": len(other.judged),
        "leukocytes_not_counted_once": sum(times != 1 for times in other.times.values()),
        "leukocytes_in_one_only": len(one.judged.keys() ^ other.judged.keys()),
        "no_leukocyte_and_counted": other.unknown,
        "judged_by_another_view": len(both) - len(same_view),
        "named_otherwise": sum(one.judged[name][1] != other.judged[name][1] for name in both),
        "named_otherwise_by_the_same_view": sum(one.judged[name][1] != other.judged[name][1] for name in same_view),
    }


def _alike(ours: list[FoundCell] | None, theirs: list[FoundCell] | None) -> bool:
    """Tell whether a frame's cells are the same; a stain is measured where a cell gets a verdict."""
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    measured = [one.stain is not None and other.stain is not None for one, other in zip(ours, theirs, strict=True)]
    mine, others = (
        [cell if both else replace(cell, stain=None) for cell, both in zip(cells, measured, strict=True)]
        for cells in (ours, theirs)
    )
    return mine == others


def count_in(desk: Desk, frames: list[Path]) -> None:
    """Count frames in this order: the names that they get are in it."""
    for number, path in enumerate(frames):
        (desk.watched / f"{number:06d}{path.suffix}").write_bytes(path.read_bytes())
    ended = desk.type(*desk.run_command()[3:])
    assert ended.status == 0, ended.err


def true_cells(frames: list[Path], truth: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the true cells of each frame, by the frame's digest."""
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    by_file = {line["file"]: line["cells"] for line in lines if "file" in line}
    return {hashlib.sha256(path.read_bytes()).hexdigest(): by_file[path.name] for path in frames}


def in_orders(folder: Path, frames: int, orders: int, seed: int) -> dict[str, Any]:
    """Count drawn frames as they came, backwards, and shuffled; hold each against the first."""
    first, chance = Desk(folder / "drawn"), random.Random(seed)
    draw(first, frames, seed, truth=folder / "truth.jsonl")
    given = sorted(first.watched.iterdir())
    truth = true_cells(given, folder / "truth.jsonl")
    wanted = {"as they came": given, "as they came, once more": given, "backwards": given[::-1]}
    for number in range(orders - len(wanted) + 1):
        wanted[f"shuffled {number + 1}"] = chance.sample(given, len(given))
    rows: list[dict[str, Any]] = []
    reference: Leukocytes | None = None
    for name, order in wanted.items():
        count_in(desk := Desk(folder / name.replace(" ", "-").replace(",", "")), order)
        ours, content = Leukocytes.of(desk.session, truth), Content.of(desk.session)
        reference = reference or ours
        rows.append({"order": name, **compare_orders(reference, ours), "counts": content.counts,
                     "cells": sum(content.counts.values()), "frames": len(content.order),
                     "faults": len(content.faults)})  # fmt: skip
    whole = {cell["name"] for cells in truth.values() for cell in cells if not cell["at_edge"]}
    same = all(row["counts"] == rows[0]["counts"] for row in rows)
    return {"frames": frames, "true_leukocytes": len(whole), "same_counts": same, "orders": rows}


def main() -> int:
    """Count in several orders, print and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--orders", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench-out/orders.json"))
    asked, began_s = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orders-") as name:
        result = in_orders(Path(name), asked.frames, asked.orders, asked.seed)
    command = f"python -m tests.torture.orders --frames {asked.frames} --orders {asked.orders} --seed {asked.seed}"
    document = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command,
        "python": platform.python_version(),
        "seconds": round(time.monotonic() - began_s),
        **result,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(as_json(document), encoding="utf-8")
    print(as_json(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
