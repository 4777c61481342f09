"""Two drawn laboratories, each left out of a tiny training in turn, by the real command."""

import csv
import json
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.one_line import one_line
from smearwatch.models import checkpoint, memory
from smearwatch.train.commands import leave_out
from smearwatch.train.data.class_tree import read_class_tree
from tests.drawn import drawn, write_fields, write_tree
from tests.in_process import run_here

pytestmark = pytest.mark.system

_TOML = """
name = "tiny"
batch = 12
epochs = 1
small_epochs = 1
small_px = 48
bf16 = false
device = "cpu"
balance = "laboratory_class"
epoch_cells = 24
[preprocessing]
field_px = 88
view_px = 72
[data]
simulated = 18
force_scale = true
[laboratories.scanner]
layout = "cells"
um_per_px = 0.1
[laboratories.teaching]
layout = "fields"
um_per_px = 0.13
[laboratories.elsewhere]
layout = "empty"
um_per_px = 0.2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("leave_out")
    (where / "tiny.toml").write_text(_TOML)
    write_tree(where / "scanner", 3, 0.1, 330)
    (where / "scanner" / "platelet").mkdir()
    for seed in range(2):  # to be rejected, whatever they are
        cv2.imwrite(str(where / "scanner" / "platelet" / f"{seed}.png"), drawn("lymphocyte", 900 + seed, 0.13, 250))
    slide = Slide(5, um_per_px=0.13, width_px=500, height_px=350, leukocytes_per_mm2=500.0)
    write_fields(where / "teaching", slide, 8, 500, 350)
    return where


def options(folder: Path, *more: str) -> list[str]:
    labs = [f"--lab={name}={folder / name}" for name in ("scanner", "teaching")]
    return ["--config", str(folder / "tiny.toml"), *labs, "--cache", str(folder / "cache"), *more]


@pytest.fixture(scope="module")
def out(folder: Path) -> Path:
    result = run_here("leave-out", *options(folder, "--out", str(folder / "out")))
    assert result.returncode == 0, result.stderr
    assert "scanner, labelled: right" in result.stdout
    return folder / "out"


def test_each_laboratory_is_measured_whole_and_in_both_ways(out: Path):
    report = json.loads((out / "report.json").read_text())
    assert [*report["laboratories"]] == ["scanner", "teaching"]
    for name, each in report["laboratories"].items():
        labelled, pipeline = each["ways"]["labelled"], each["ways"]["pipeline"]
        assert each["trained"]
        assert each["known"]
        assert labelled["n"] == pipeline["n"] == sum(share["n"] for share in labelled["right_by_class"].values())
        assert labelled["found"]["hits"] == labelled["n"]
        assert pipeline["found"]["hits"] == pipeline["pipeline"]["found"] > labelled["n"] / 2, name
        assert pipeline["right_five"]["n"] == pipeline["right_and_kept"]["n"] == pipeline["confirmed"]["n"] > 0
        assert pipeline["rejected"]["n"] == pipeline["found"]["hits"]
        assert pipeline["confirmed_right"]["n"] == pipeline["confirmed"]["hits"]
    scanner = report["laboratories"]["scanner"]["ways"]["labelled"]
    assert scanner["n"] == 18
    assert scanner["reject_auroc"] is not None
    assert scanner["others_rejected"]["platelet"]["n"] == 2
    rejected = [each["ways"]["labelled"]["rejected"]["value"] for each in report["laboratories"].values()]
    summary = report["summary"]["labelled"]
    assert summary["mean"]["rejected"] == pytest.approx(sum(rejected) / 2, abs=1e-5)
    assert summary["worst"]["rejected"]["value"] == max(rejected)
    text = (out / "report.md").read_text()
    assert "| mean |" in text
    assert "platelet (to be rejected)" in text


def test_every_answer_is_kept_as_a_table(out: Path):
    with (out / "scanner" / "cells.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert sum(row["way"] == "labelled" for row in rows) == 20
    assert {row["label"] for row in rows} >= {"band", "platelet"}
    assert all(row["verdict"] in ("confirmed", "corrected", "flagged", "rejected") for row in rows)


def test_nothing_of_it_was_in_the_training(folder: Path, out: Path):
    cells = [sample.digest for sample in read_class_tree(folder / "scanner", 0.1, source="scanner")]
    never, met = (memory.load(out / name / "weights") for name in ("scanner", "teaching"))
    assert never is not None
    assert met is not None
    assert not any(never.seen_in_training(digest) for digest in cells)
    assert any(met.seen_in_training(digest) for digest in cells)
    manifest = checkpoint.read_manifest(out / "scanner" / "weights")
    assert manifest.name == "tiny-without-scanner"
    assert set(manifest.data["counts"]["train"]) == {"teaching", "simulated"}


def test_ready_weights_are_measured_and_nothing_is_trained(folder: Path, out: Path, tmp_path: Path):
    ready = f"--weights=scanner={out / 'scanner' / 'weights'}"
    typed = options(folder, ready, "--at-most", "2", "--json", "--out", str(tmp_path / "ready"))
    result = CliRunner().invoke(leave_out.app, typed)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [*report["laboratories"]] == ["scanner"]
    assert report["laboratories"]["scanner"]["trained"] is False
    assert report["laboratories"]["scanner"]["ways"]["labelled"]["n"] == 12
    assert "at most 2 cells" in (tmp_path / "ready" / "report.md").read_text()
    assert not (tmp_path / "ready" / "scanner" / "weights").exists()


def test_what_cannot_be_measured_honestly_is_one_line(folder: Path, out: Path, tmp_path: Path):
    where = ["--out", str(tmp_path / "no")]
    seen = f"--weights=teaching={out / 'scanner' / 'weights'}"
    for typed, line in (
        (seen, "cells of teaching in training or validation"),
        ("--only=elsewhere", "no laboratory elsewhere whose cells have classes; there are scanner, teaching"),
        ("--weights=scanner", "--weights scanner: no name and folder"),
        ("--variant-epochs=2", "--variant-epochs without --variants (give --variants too, or leave it out)"),
    ):
        result = CliRunner().invoke(leave_out.app, options(folder, typed, *where))
        assert result.exception is not None
        foreseen = result.stderr if result.exit_code == 2 else one_line(result.exception)
        assert foreseen is not None
        assert line in foreseen
    assert not (tmp_path / "no").exists()


@pytest.mark.long
def test_variants_are_trained_and_set_side_by_side(folder: Path, tmp_path: Path):
    place = tmp_path / "variants"
    typed = options(folder, "--variants", "--variant-epochs", "1", "--only", "teaching", "--out", str(place))
    result = CliRunner().invoke(leave_out.app, typed)
    assert result.exit_code == 0, result.output
    assert f"table of 4 variants in {place / 'variants.md'}" in result.stdout
    report = json.loads((place / "variants.json").read_text())
    assert report["epochs"] == 1
    assert [*report["variants"]][::3] == ["the recipe", "no drawn cells and things"]
    for name, by_laboratory in report["variants"].items():
        score = by_laboratory["teaching"]
        assert score["right"]["n"] == score["right_in_pipeline"]["n"] > 4
        if name == "the recipe":
            assert score["paired"] is None
        else:
            assert score["paired"]["after"]["hits"] == score["right"]["hits"]
    table = (place / "variants.md").read_text()
    assert table.count("| teaching |") == len(report["variants"])
    manifest = checkpoint.read_manifest(place / "recipe" / "teaching" / "weights")
    assert (manifest.preprocessing.field_px, manifest.preprocessing.view_px) == (99, 72)
