"""What 50 labelled cells of a new microscope are worth on its other slides, by `smearwatch adapt` as a user calls it.

``python -m tests.bench.adapting --weights DIR --data DIR --um-per-px X`` takes single-cell pictures in class folders,
``--fields DIR`` whole fields with boxes. The weights must not have seen them. Each draw takes cells of every class,
from as few groups as hold enough (slides, days, runs of frames), and measures on the cells of the other groups; a class
of which there is only one group is measured on its other pictures.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smearwatch.models.engine import Engine
from smearwatch.train.data.boxed_fields import read_boxed_fields
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import shrunken_fields
from smearwatch.train.data.samples import Sample, has_class
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.leave_out.cells import CutCells
from smearwatch.train.leave_out.scores import WayScores, score_cells
from smearwatch.train.statistics import Share
from tests.bench.report import Report


@dataclass(frozen=True, slots=True)
class Draw:
    """The pictures to learn from, and the cells to measure on."""

    pictures: list[str]
    measured: list[Sample]


def main() -> None:
    """Adapt once for each draw; print one line each, and all draws together."""
    asked = _arguments()
    root: Path = asked.data or asked.fields
    read = read_class_tree if asked.data else read_boxed_fields
    samples = [sample for sample in read(root, asked.um_per_px) if has_class(sample)]
    report = Report("adapting", f"{asked.cells} labelled cells of {root.name}, measured on its other groups")
    sums: dict[str, list[WayScores]] = {"before": [], "after": []}
    for seed in range(asked.draws):
        draw = _draw(samples, asked.cells, np.random.default_rng(seed))
        with tempfile.TemporaryDirectory() as place:
            learnt, out = Path(place) / "learnt", Path(place) / "adapted"
            (_lay_cells if asked.data else _lay_fields)(root, draw.pictures, learnt)
            started_s = time.monotonic()
            account = _adapt(asked, learnt, out)
            minutes = (time.monotonic() - started_s) / 60
            scores = {
                name: _score(weights, draw.measured, asked.cache)
                for name, weights in (("before", asked.weights), ("after", out))
            }
        for name, each in scores.items():
            sums[name].append(each)
        row = {f"{name}_{key}": value for name, each in scores.items() for key, value in _row(each).items()}
        report.add(draw=str(seed), n=len(draw.measured), **row, gain=account, minutes=minutes)
    row = {f"{name}_{key}": value for name, every in sums.items() for key, value in _together(every).items()}
    report.add(draw="all", n=sum(each.n for each in sums["after"]), **row, gain="", minutes="")
    report.finish()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.adapting")
    parser.add_argument("--weights", type=Path, required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path)
    where.add_argument("--fields", type=Path)
    parser.add_argument("--um-per-px", type=float, required=True)
    parser.add_argument("--old", type=Path)
    parser.add_argument("--old-um-per-px", type=float)
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=Path(".smearwatch-crops"))
    return parser.parse_args()


def _draw(samples: Sequence[Sample], count: int, rng: np.random.Generator) -> Draw:
    """Choose whole pictures until every class has its share of the cells, group after group in a drawn order."""
    labels = sorted({sample.label for sample in samples})
    groups = sorted({sample.group for sample in samples})
    order = {groups[int(index)]: rank for rank, index in enumerate(rng.permutation(len(groups)))}
    shuffled = [samples[int(index)] for index in rng.permutation(len(samples))]
    by_picture: dict[str, list[Sample]] = defaultdict(list)
    for sample in shuffled:
        by_picture[_picture(sample)].append(sample)
    chosen: dict[str, None] = {}
    for label in labels:
        for sample in sorted((each for each in shuffled if each.label == label), key=lambda each: order[each.group]):
            taken = sum(each.label == label for name in chosen for each in by_picture[name])
            if taken >= count // len(labels):
                break
            chosen[_picture(sample)] = None
    touched = {sample.group for name in chosen for sample in by_picture[name]}
    apart = {sample.label for sample in samples if sample.group not in touched}
    measured = [
        sample
        for sample in samples
        if _picture(sample) not in chosen and (sample.group not in touched or sample.label not in apart)
    ]
    return Draw([*chosen], measured)


def _picture(sample: Sample) -> str:
    """Return the path of a cell's picture below its folder: CLASS/FILE, or FRAME of a cell with a number."""
    _, one, two = sample.sample_id.split("/", 2)
    return one if two.isdigit() else f"{one}/{two}"


def _lay_cells(root: Path, pictures: Sequence[str], place: Path) -> None:
    place.mkdir()
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["path"] in pictures]
    with (place / "manifest.csv").open("w", newline="", encoding="utf-8") as lines:
        table = csv.DictWriter(lines, [*rows[0]])
        table.writeheader()
        table.writerows(rows)
    for row in rows:
        path = place / row["path"]
        path.parent.mkdir(exist_ok=True)
        path.symlink_to((root / row["path"]).resolve())


def _lay_fields(root: Path, pictures: Sequence[str], place: Path) -> None:
    for folder, suffix in (("frames", ""), ("boxes", ".csv")):
        (place / folder).mkdir(parents=True)
        for name in pictures:
            path = Path(name).with_suffix(suffix).name if suffix else name
            (place / folder / path).symlink_to((root / folder / path).resolve())


def _adapt(asked: argparse.Namespace, learnt: Path, out: Path) -> str:
    """Adapt, and say whether a gain was shown; the weights are written in any case, so that they can be measured."""
    kind = "data" if asked.data else "fields"
    scale = "--um-per-px" if asked.data else "--fields-um-per-px"
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "adapt", f"--{kind}", learnt, scale, asked.um_per_px]
    command += ["--weights", asked.weights, "--out", out, "--force-scale", "--keep-anyway", "--json"]
    if asked.old:
        command += ["--old", asked.old, "--old-um-per-px", asked.old_um_per_px]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stderr)
    account = json.loads(run.stdout)
    check = account["gain"]["as_labelled"]
    counts = f"{check['before']['hits']} to {check['after']['hits']} of {check['n']}, p {check['p_value']:.3f}"
    return f"{'shown' if account['gained'] else 'not shown'} ({counts}, {account['way']})"


def _score(weights: Path, samples: list[Sample], cache: Path) -> WayScores:
    engine = Engine.load(weights, device="cpu")
    fields = shrunken_fields(samples, engine.preprocessing, cache, _quiet)
    outputs = run_engine(engine, CellSet(samples, fields), "measured", _quiet)
    return score_cells(CutCells(samples, samples), outputs, engine.manifest.policy)


def _row(scores: WayScores) -> dict[str, str]:
    confirmed = scores.confirmed_right
    return {
        "right": scores.right_five.text(),
        "rejected": f"{scores.rejected.hits}/{scores.rejected.n}",
        "confirmed_right": f"{confirmed.hits}/{confirmed.n}",
    }


def _together(every: Sequence[WayScores]) -> dict[str, str]:
    """Sum over the draws; the limits would be of cells measured several times, so there are none."""
    found = {}
    for key, shares in (
        ("right", [each.right_five for each in every]),
        ("rejected", [each.rejected for each in every]),
        ("confirmed_right", [each.confirmed_right for each in every]),
    ):
        total = Share(sum(each.hits for each in shares), sum(each.n for each in shares))
        found[key] = f"{total.hits}/{total.n}" + (f" = {total.hits / total.n:.3f}" if total.n else "")
    return found


def _quiet(what: str, done: int, total: int) -> None:
    pass


if __name__ == "__main__":
    main()
