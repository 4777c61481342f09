"""The whole ablation: train every line, let it name the cells kept aside, compare, and write the table."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.own_results import Publish, publish_nothing
from smearwatch.models.manifest import Manifest
from smearwatch.train.ablation.cell_sets import Bench, lay_out
from smearwatch.train.ablation.compare import LineAnswers, compare_lines, name_cells
from smearwatch.train.ablation.config import AblationConfig
from smearwatch.train.ablation.lines import Line, lines
from smearwatch.train.ablation.pretraining import pretrain
from smearwatch.train.ablation.table import AblationReport, SetInfo, render_markdown
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.sources import DatasetSpec, ReportLine, read_sources
from smearwatch.train.data.split import split_digest
from smearwatch.train.saving import save_weights
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.loop import Trainer
from smearwatch.train.training.start import first_networks

_WATCHED: Final = 8  # one in so many of the validation cells is measured after each epoch


def ablate(
    spec: DatasetSpec,
    config: AblationConfig,
    out: Path,
    state: Path,
    progress: Progress,
    report_line: ReportLine,
    publish: Publish = publish_nothing,
) -> AblationReport:
    """Train, name and compare every line; an interrupted run continues with its finished lines and epochs.

    Parameters
    ----------
    spec
        Class folders to train on; whole fields and sessions are compared on alone.
    out
        Gets `ablation.json` and `ablation.md`, written anew after each line.
    state
        What a restart needs.
    publish
        Called after each line, when `out` holds whole files.

    Returns
    -------
    AblationReport
        As `ablation.json` holds it.

    Raises
    ------
    DataUnusable, LedgerUnusable
        Where cells, kept state or a folder cannot be used.
    """
    for folder in (out, state):
        if folder.exists() and not folder.is_dir():
            raise DataUnusable(folder, "there is a file of this name", "name another folder")
    bench = lay_out(read_sources(spec, report_line), state, progress)
    out.mkdir(parents=True, exist_ok=True)
    answers: dict[str, LineAnswers] = {}
    sets = {name: SetInfo(len(cells), split_digest(cells)) for name, cells in bench.sets.items()}
    report = AblationReport(config, sets, [])
    for line in lines(config):
        answers |= _answers(line, bench)
        report = AblationReport(config, sets, compare_lines(lines(config), answers, bench.sets))
        write_atomically(out / "ablation.json", json.dumps(report.to_json(), indent=1).encode() + b"\n")
        write_atomically(out / "ablation.md", render_markdown(report).encode())
        publish()
    return report


def _answers(line: Line, bench: Bench) -> dict[str, LineAnswers]:
    """Train a line and let it name all cells kept aside, or read what it named before."""
    key = _key(line, bench)
    folder = bench.state / key
    done = bench.state / f"{key}.json"
    if not done.is_file():
        answers = _trained(line, bench, folder)
        content = {name: each.to_json() for name, each in answers.items()}
        write_atomically(done, json.dumps(content).encode() + b"\n")
        shutil.rmtree(folder)
    try:
        content = json.loads(done.read_text(encoding="utf-8"))
        return {name: LineAnswers.from_json(each) for name, each in content.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataUnusable(done, f"the kept answers are damaged ({error})", "delete it") from error


def _trained(line: Line, bench: Bench, folder: Path) -> dict[str, LineAnswers]:
    samples = bench.take(line.cells)
    config, seconds = line.config, 0.0
    if line.first is not None:
        begun = folder / "first"
        seconds += _first_half(line, bench, begun)
        config = config.model_copy(update={"start": begun})
    trainer = _run(config, bench, bench.draw(samples, config.preprocessing), folder / "run", line.name)
    seconds += sum(epoch.seconds for epoch in trainer.curve)
    answers = {line.name: name_cells(trainer.resnet, bench, config.preprocessing, len(samples), seconds)}
    if line.adabn_name is not None:
        answers[line.adabn_name] = name_cells(
            trainer.resnet, bench, config.preprocessing, len(samples), seconds, adabn=True
        )
    return answers


def _first_half(line: Line, bench: Bench, begun: Path) -> float:
    """Train what comes first and keep both networks as weights to begin from; gives the seconds that it took."""
    samples = bench.take(line.cells)
    config = line.config
    if line.first == "alone":
        cells = bench.draw(bench.isolate(samples), config.preprocessing)
        trainer = _run(config, bench, cells, begun.with_name("alone"), "DB-1")
        resnet, bank = trainer.resnet, trainer.bank
        seconds = sum(epoch.seconds for epoch in trainer.curve)
    else:
        resnet, bank, _ = first_networks(config)
        seconds = pretrain(resnet, bench.draw(samples, config.preprocessing), config, bench.progress)
    plain = Manifest(name=config.name, norm=config.norm, preprocessing=config.preprocessing, tensors={})
    save_weights(begun, resnet, bank, plain)
    return seconds


def _run(config: TrainConfig, bench: Bench, cells: CellSet, folder: Path, name: str) -> Trainer:
    watched = bench.draw(next(iter(bench.sets.values()))[::_WATCHED], config.preprocessing)

    def report_progress(what: str, done: int, total: int) -> None:
        bench.progress(f"{name}: {what}", done, total)

    trainer = Trainer(config, folder)
    trainer.run(cells, watched, report_progress)
    return trainer


def _key(line: Line, bench: Bench) -> str:
    """Name what a line's answers depend on, as a folder may be called."""
    cells = [split_digest(bench.take(line.cells)), *(split_digest(each) for each in bench.sets.values())]
    text = json.dumps([line.name, line.first, line.cells, line.config.model_dump(mode="json"), cells])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
