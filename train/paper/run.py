"""A reproduction from its cells to the tables: databases, both protocols, training, scores, figure."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.scale_check import check_tree_scale
from smearwatch.train.data.split import split_digest
from smearwatch.train.paper.bench import Bench
from smearwatch.train.paper.config import PaperConfig
from smearwatch.train.paper.databases import Databases, gather
from smearwatch.train.paper.figure import draw_figure
from smearwatch.train.paper.learning import answer, train_six, train_two_class
from smearwatch.train.paper.outlines import Outlines
from smearwatch.train.paper.protocol import Pictures, Plan, plan
from smearwatch.train.paper.results import (
    CellCounts,
    Curves,
    Epoch,
    PaperReport,
    ProtocolResult,
    SixClassResult,
    TwoClassResult,
)
from smearwatch.train.paper.scores import measure_leakage, score_six_class, score_two_class
from smearwatch.train.paper.sheet import write_sheets
from smearwatch.train.paper.tables import markdown

_ON_DB1, _ON_DB2, _TWO_CLASS = 1, 2, 3


def reproduce(root: Path, config: PaperConfig, out: Path, state: Path, progress: Progress) -> PaperReport:
    """Run every stage that an interrupted run has not finished, and write the report.

    Parameters
    ----------
    root
        Single-cell pictures, one folder a class.
    out
        Gets `paper.json`, `paper.md`, `figure1.png`, and a contact sheet for each class.
    state
        What a restart needs.

    Returns
    -------
    PaperReport
        As `paper.json` holds it.

    Raises
    ------
    DataUnusable
        Where cells or kept state cannot be used.
    """
    for folder in (out, state):
        if folder.exists() and not folder.is_dir():
            raise DataUnusable(folder, "there is a file of this name", "name another folder")
    every = read_class_tree(root, config.um_per_px)
    check_tree_scale(root, config.um_per_px, force=config.force_scale)
    databases = gather(root, every, config, Outlines(state, config.um_per_px), progress)
    plans = [plan(name, databases.cells, config) for name in config.protocols]
    out.mkdir(parents=True, exist_ok=True)
    write_sheets(out, databases)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bench = Bench(config, databases, state, device, progress)
    results: dict[str, ProtocolResult] = {}
    for planned in plans:
        results[planned.name] = ProtocolResult(
            train=len(planned.train),
            test=len(planned.test),
            test_pictures_of_trained_cells=planned.shared_cells,
            six_class={str(px): _six_class(bench, planned, px) for px in config.px},
            two_class=_two_class(bench, planned),
        )
    report = PaperReport(config, _describe(root, databases), results, measure_leakage(results))
    draw_figure(out / "figure1.png", results)
    write_atomically(out / "paper.json", json.dumps(report.to_json(), indent=1).encode() + b"\n")
    write_atomically(out / "paper.md", markdown(report).encode())
    return report


def _six_class(bench: Bench, planned: Plan, side_px: int) -> SixClassResult:
    """Train on DB-1, fine-tune on DB-2, and score."""
    config, databases = bench.config, bench.databases
    one, two = bench.crops(databases.alone, side_px), bench.crops(databases.cells, side_px)
    torch.manual_seed(config.seed)
    network = LeukocyteResNet("batch", config.init).to(bench.device).to(memory_format=torch.channels_last)
    name = f"{planned.name}-{side_px}px"
    watched = planned.test_cells if len(planned.test_cells) else planned.test

    def learn_db1() -> list[Epoch]:
        settings = bench.settings(f"{name} DB-1", config.epochs, config.learning_rate, _ON_DB1)
        return train_six(network, one, planned.train, watched, settings, bench.progress)

    def learn_db2() -> list[Epoch]:
        settings = bench.settings(f"{name} DB-2", config.fine_epochs, config.fine_rate, _ON_DB2)
        return train_six(network, two, planned.train, watched, settings, bench.progress)

    curve_one, key = bench.stage(f"{name}-db1", network, "", learn_db1)
    tests = {"db1": score_six_class(answer(network, one, watched, bf16=config.bf16))}
    curve_two, _ = bench.stage(f"{name}-db2", network, key, learn_db2)
    sides = {"augmented": planned.test, "cells": planned.test_cells}
    for side, pictures in sides.items():
        if len(pictures):
            tests[side] = score_six_class(answer(network, two, pictures, bf16=config.bf16))
    if databases.fresh:
        fresh = bench.crops(databases.fresh, side_px)
        tests["fresh"] = score_six_class(answer(network, fresh, _once(databases.fresh), bf16=config.bf16))
    return SixClassResult(tests, Curves(curve_one, curve_two))


def _two_class(bench: Bench, planned: Plan) -> TwoClassResult:
    """Train the six LeNets on DB-2 and score each on its own test."""
    config, data = bench.config, planned.two_class
    crops = bench.crops(bench.databases.cells, config.verifier_px)
    torch.manual_seed(config.seed)
    bank = LeNetBank(config.verifier_px).to(bench.device).to(memory_format=torch.channels_last)

    def learn() -> list[Epoch]:
        name = f"{planned.name}-two-class DB-2"
        settings = bench.settings(name, config.verifier_epochs, config.learning_rate, _TWO_CLASS)
        return train_two_class(bank, crops, data.pictures, data.trains, settings, bench.progress)

    curve, _ = bench.stage(f"{planned.name}-two-class", bank, "", learn)
    answers = answer(bank, crops, data.pictures, bf16=config.bf16)
    return TwoClassResult(score_two_class(answers, data), curve)


def _once(samples: Sequence[Sample]) -> Pictures:
    rows = np.arange(len(samples), dtype=np.int64)
    classes = np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)
    return Pictures(rows, np.zeros_like(rows), classes)


def _describe(root: Path, databases: Databases) -> CellCounts:
    def counts(samples: Sequence[Sample]) -> dict[str, int]:
        found = Counter(sample.label for sample in samples)
        return {name: found[name] for name in CLASSES}

    return CellCounts(
        folder=root.name,
        cells=counts(databases.cells),
        fresh=counts(databases.fresh),
        without_outline=databases.without_outline,
        sha256=split_digest(databases.cells),
    )
