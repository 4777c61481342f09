"""The ablation compares like with like, keeps what is done, and lets nothing compared on be learnt from."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smearwatch.models.classes import CLASSES
from smearwatch.train.ablation import run as running
from smearwatch.train.ablation.compare import LineAnswers, compare_lines
from smearwatch.train.ablation.config import AblationConfig
from smearwatch.train.ablation.lines import RECIPE, lines
from smearwatch.train.ablation.pretraining import label_indices
from smearwatch.train.ablation.run import ablate
from smearwatch.train.commands.ablate import app
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, either, exact
from smearwatch.train.data.sources import DatasetSpec
from tests.drawn import write_tree

UM_PER_PX = 0.15
pytestmark = pytest.mark.usefixtures("one_thread")
TINY = AblationConfig(px=72, cells=2, epochs=2, size=(80,), size_cells=2, size_epochs=1, batch=8)


def quiet(what: str, done: int, total: int) -> None:
    del what, done, total


def sample(name: str, target: Any) -> Sample:
    return Sample(name, "x", name, target, name, None, lambda: np.zeros((750, 750, 3), np.uint8), name)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The name of the folder decides which cells are kept aside, so it is always the same.
    return write_tree(tmp_path_factory.mktemp("tree") / "cells", 40, UM_PER_PX, 200)


def test_every_line_changes_one_thing_and_costs_about_the_same():
    made = lines(AblationConfig())
    names = [line.name for line in made]
    assert len(set(names)) == len(names)
    recipe = made[0].config
    for line in made:
        if line.against != RECIPE:
            continue
        changed = {key for key, value in line.config.model_dump().items() if value != recipe.model_dump()[key]}
        assert changed == {"epochs"} if line.first else len(changed) == 1, line.name
        assert line.config.epochs * (2 if line.first else 1) == recipe.epochs
        assert line.cells == made[0].cells
    sizes = [line for line in made if line.against not in (None, RECIPE)]
    assert [line.config.preprocessing.view_px for line in sizes] == [224, 320, 480]
    start = next(line for line in made if line.name == sizes[0].against)
    ratios = {
        round(line.config.preprocessing.um_per_px * line.config.preprocessing.view_px) for line in [start, *sizes]
    }
    assert len(ratios) == 1, "every size shows the same micrometres"


def test_labels_that_join_classes_count_only_where_they_can():
    cells = [sample("band", exact(0)), sample("n", either((0, 1))), sample("monocyte", exact(4))]
    line = lines(TINY)[0]
    adabn_name = str(line.adabn_name)
    answers = {
        line.name: LineAnswers({"s": np.array([1, 1, 4])}, 3, 2.0),
        adabn_name: LineAnswers({"s": np.array([0, 5, 4])}, 3, 2.0),
    }
    first, second = compare_lines([line], answers, {"s": cells})
    scores = first.sets["s"]
    assert (scores.six.hits, scores.six.n) == (1, 2)
    assert (scores.five.hits, scores.five.n) == (3, 3)
    assert scores.six_paired is None
    against = second.sets["s"]
    assert against.six_paired is not None
    assert against.five_paired is not None
    assert (against.six_paired.gained, against.six_paired.lost) == (1, 0)
    assert (against.five_paired.gained, against.five_paired.lost) == (0, 1)
    assert second.against == line.name


def test_all_groups_are_told_apart():
    names, indices = label_indices(
        [sample("platelet", either((0, 1))), sample("band", exact(0)), sample("band", exact(0))]
    )
    assert names == ["band", "platelet"]
    assert indices.tolist() == [1, 0, 0]


def test_a_whole_table_and_its_restart(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The lines that are made differently; the others differ from the first in their configuration alone.
    monkeypatch.setattr(
        running, "lines", lambda config: [line for line in lines(config) if line.first or line.adabn_name]
    )
    spec = DatasetSpec(tree, UM_PER_PX, force_scale=True)
    out, state = tmp_path / "out", tmp_path / "state"
    report = ablate(spec, TINY, out, state, quiet, quiet_line)
    names = [line.name for line in report.lines]
    assert len(names) == 4
    assert json.loads((out / "ablation.json").read_text(encoding="utf-8")) == report.to_json()
    text = (out / "ablation.md").read_text(encoding="utf-8")
    assert all(f"| {name} |" in text for name in names)
    assert not [path for path in state.iterdir() if path.is_dir() and path.name != "crops"], "networks are not kept"

    trained: list[str] = []
    usual = running._trained

    def noted(line: Any, bench: Any, folder: Path) -> Any:
        trained.append(line.name)
        return usual(line, bench, folder)

    monkeypatch.setattr(running, "_trained", noted)
    again = ablate(spec, TINY, out, state, quiet, quiet_line)
    assert again == report
    assert trained == []
    next(state.glob("*.json")).unlink()
    assert ablate(spec, TINY, out, state, quiet, quiet_line).sets == report.sets
    assert len(trained) == 1


def quiet_line(line: str) -> None:
    del line


def test_nothing_compared_on_is_learnt_from(tree: Path, tmp_path: Path):
    from smearwatch.train.ablation.cell_sets import lay_out
    from smearwatch.train.data.sources import read_sources

    bench = lay_out(read_sources(DatasetSpec(tree, UM_PER_PX, force_scale=True), quiet_line), tmp_path, quiet)
    learnt = {each.group for each in bench.take(10**6)}
    assert learnt
    assert all(each.group not in learnt for cells in bench.sets.values() for each in cells)


def test_a_set_without_a_leukocyte_is_one_line(tree: Path, tmp_path: Path):
    from smearwatch.train.ablation.cell_sets import lay_out
    from smearwatch.train.data.sources import Source, read_sources

    (first,) = read_sources(DatasetSpec(tree, UM_PER_PX, force_scale=True), quiet_line)
    dirt = Source("tuesday", "session", tmp_path / "tuesday", None, [sample("artefact", REJECT)])
    with pytest.raises(DataUnusable, match="tuesday: no labelled leukocyte"):
        lay_out([first, dirt], tmp_path, quiet)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epochs", "1"], "--epochs: 1:"),
        (["--size", "20"], "--size: 20:"),
        (["--cells", "0"], "--cells: 0:"),
    ],
)
def test_senseless_options_are_one_line(options: list[str], said: str, tree: Path, tmp_path: Path):
    result = CliRunner().invoke(
        app, ["--data", str(tree), "--um-per-px", "0.15", "--out", str(tmp_path / "out"), *options]
    )
    assert result.exit_code != 0
    assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_too_few_cells_are_one_line(tmp_path: Path, tree: Path):
    small = tmp_path / "few"
    for name in CLASSES:
        (small / name).mkdir(parents=True)
        (small / name / "0.png").write_bytes((tree / name / "0.png").read_bytes())
    with pytest.raises(Exception, match="too few to be divided"):
        ablate(
            DatasetSpec(small, UM_PER_PX, force_scale=True),
            TINY,
            tmp_path / "out",
            tmp_path / "state",
            quiet,
            quiet_line,
        )
    assert not (tmp_path / "out").exists()
