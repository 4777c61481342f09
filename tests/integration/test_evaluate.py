"""`smearwatch evaluate` from the command line, with untrained networks: sources, report, and what is refused."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.own_results import RECORD
from smearwatch.daemon.record.events import Found, FoundCell, Labelled, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.scale_rule import ScaleUnusable
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import MANIFEST_FILE, WeightsUnusable
from smearwatch.models.classes import CLASSES, ClassName
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.memory import Memory, Remembered, packed, short
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.commands import evaluate
from smearwatch.train.data.boxed_fields import read_boxed_fields
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import shrunken_fields
from smearwatch.train.data.pipeline_cells import find_boxed_cells
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.scale_check import check_boxes_scale, check_tree_scale
from smearwatch.train.evaluation.figures import NAMES, draw_figures
from smearwatch.train.saving import save_weights
from tests import drawn

pytestmark = pytest.mark.integration

_SCALE = 0.12
_EVIL = "<script>alert(1)</script>".replace("/", "_")


def picture(cls: ClassName, seed: int) -> np.ndarray:
    return render_cell_picture(cls, np.random.default_rng(seed), um_per_px=_SCALE, size_px=280)


def write_weights(folder: Path, memory: Memory | None) -> Path:
    torch.manual_seed(0)
    small = Preprocessing(field_px=99, view_px=72)
    manifest = Manifest(name="random", preprocessing=small, tensors={})
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), manifest, None if memory is None else packed(memory))
    return folder


def remembering(digests: list[str]) -> Memory:
    none = Remembered(np.zeros((0, 512), np.float32), np.zeros((0, 6), np.float32), np.zeros(0, np.uint8))
    return Memory(frozenset(map(short, digests)), frozenset(), none, none)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two cells a class and two platelets in folders, fields of the simulated slide with boxes, a labelled session."""
    root = tmp_path_factory.mktemp("evaluate")
    for seed, cls in enumerate((*CLASSES, *CLASSES)):
        (root / "cells" / cls).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "cells" / cls / f"{seed}.png"), picture(cls, seed))
    (root / "cells" / "platelet").mkdir()
    for seed in (1, 2):
        noise = np.random.default_rng(seed).integers(200, 240, (200, 200, 3), np.uint8)
        cv2.imwrite(str(root / "cells" / "platelet" / f"{_EVIL}{seed}.png"), noise)
    write_fields(root / "fields")
    write_session(root / "monday", root / "fields")
    known = [sample.digest for sample in read_class_tree(root / "cells", _SCALE)]
    return SimpleNamespace(
        root=root,
        cells=root / "cells",
        fields=root / "fields",
        session=root / "monday",
        cache=root / "cache",
        weights=write_weights(root / "weights", remembering(known[:3])),
        forgetful=write_weights(root / "forgetful", None),
        knows_all=write_weights(root / "knows_all", remembering(known)),
    )


def write_fields(root: Path) -> None:
    """Eight fields with a box for every true cell, of which one is moved to where no cell is."""
    slide = Slide(5, um_per_px=_SCALE, width_px=900, height_px=600, leukocytes_per_mm2=300.0)
    drawn.write_fields(root, slide, 8, 900, 600)
    with (root / "boxes" / "s_0000.csv").open("a") as table:
        table.write("neutrophil,0.001,0.001,0.1,0.15\n")


def write_session(folder: Path, fields: Path) -> None:
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, 33.0, "rule", {})])
        for number, path in enumerate(sorted((fields / "frames").iterdir())):
            data = path.read_bytes()
            found = find(data, um_per_px=_SCALE, um_per_px_source="configured")
            frame = ledger.frames.put(data)
            ledger.append([Seen(frame, path.name, 1, number, None, None, True, "folder")])
            if not isinstance(found, FieldFound):
                continue
            cells = tuple(
                FoundCell(
                    c.index,
                    c.leukocyte.box,
                    c.leukocyte.centre_xy_px,
                    c.leukocyte.area_um2,
                    c.leukocyte.at_edge,
                    c.leukocyte.score,
                )
                for c in found.cells
            )
            ledger.append([Found(frame, 900, 600, _SCALE, "configured", None, found.focus, cells)])
            whole = [cell for cell in cells if not cell.at_edge]
            ledger.append([Labelled(frame, cell.index, "lymphocyte", "reader", 1, 5) for cell in whole])


def run(place: SimpleNamespace, out: Path, *arguments: str | Path, weights: Path | None = None):
    fixed = ["--weights", weights or place.weights, "--cache", place.cache, "--out", out]
    return CliRunner().invoke(evaluate.app, [str(argument) for argument in (*arguments, *fixed)])


def data(place: SimpleNamespace, folder: Path | None = None) -> list[str | Path]:
    return ["--data", folder or place.cells, "--um-per-px", str(_SCALE)]


def test_every_source_at_once(place: SimpleNamespace, tmp_path: Path):
    out = tmp_path / "out"
    fields = ["--fields", place.fields, "--fields-um-per-px", str(_SCALE)]
    result = run(place, out, *data(place), *fields, "--session", place.session)
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    assert list(report["sets"]) == ["cells", "fields, boxes", "fields, pipeline", "session monday", "all sets"]
    assert {"n", "accuracy", "confusion", "per_class", "verifiers", "ece"} <= report.keys()
    assert report["set"] == "all sets"
    assert report["weights_id"] == checkpoint.read_manifest(place.weights).weights_id()
    cells, boxes, pipeline, session, every = report["sets"].values()
    assert cells["split"] == {"part": "test", "kept": 11, "known": True, "train": 3, "validation": 0, "related": 0}
    assert every["n"] == cells["n"] + boxes["n"] + session["n"] == report["n"]
    account = pipeline["pipeline"]
    assert account["labelled"] == account["found"] + account["at_edge"] + account["missed"]
    assert account["missed"] >= 1  # the box where there is no cell
    assert account["found"] == pipeline["five_class"]["n"] == account["end_to_end"]["hits"] + _wrong(pipeline)
    assert pipeline["um_per_px"] == pytest.approx(_SCALE, rel=0.15)
    assert set(session["cells"]) == {"lymphocyte"}
    _check_files(out)


def _wrong(scores: dict[str, Any]) -> int:
    table = np.array(scores["confusion_five"])
    return int(table.sum() - np.trace(table))


def _check_files(out: Path) -> None:
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {"report.json", "report.md", "report.html", RECORD, *(f"figures/{name}.png" for name in NAMES)}
    text = (out / "report.md").read_text()
    page = (out / "report.html").read_text()
    assert RESEARCH_USE in text
    assert RESEARCH_USE in page
    committed = [out / "report.md", *(out / "figures").iterdir()]
    assert sum(path.stat().st_size for path in committed) < 300_000
    assert page.count('alt="what the network looked at" src="data:image/jpeg;base64,') >= 24
    without_pictures = re.sub(r"data:image/\w+;base64,[A-Za-z0-9+/=]+", "", page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page  # the file's name, as text
    for address in ("http:", "https:", 'src="/', "url("):
        assert address not in without_pictures


def test_a_part_may_be_asked_for_and_unknown_training_is_said(place: SimpleNamespace, tmp_path: Path):
    every = run(place, tmp_path / "a", *data(place), "--part", "all", "--json")
    assert every.exit_code == 0, every.output
    report = json.loads(every.stdout)
    assert report["n"] == 12
    assert any("met ones too: 3 trained on" in line for line in report["notes"])
    forgetful = run(place, tmp_path / "b", *data(place), "--json", weights=place.forgetful)
    notes = json.loads(forgetful.stdout)["notes"]
    assert any("do not say what they were trained on" in line for line in notes)


def test_the_same_cells_again_give_the_same_report_from_the_cache(place: SimpleNamespace, tmp_path: Path):
    first, second = (run(place, tmp_path / name, *data(place), "--json") for name in "ab")
    assert first.exit_code == second.exit_code == 0
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert "crops" not in second.stderr
    (tmp_path / "a" / "report.md").write_text("what I thought of it")
    refused = run(place, tmp_path / "a", *data(place))
    assert "report.md exists already" in str(refused.exception)
    assert (tmp_path / "a" / "report.md").read_text() == "what I thought of it"


def test_what_is_written_meanwhile_stays_and_the_new_report_is_whole_beside(
    place: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"

    def drawn(*given: Any) -> None:
        (out / "report.md").write_text("what I thought of it")
        draw_figures(*given)

    monkeypatch.setattr("smearwatch.train.evaluation.run.draw_figures", drawn)
    result = run(place, out, *data(place))
    assert "report.md was written or changed meanwhile" in str(result.exception)
    assert "new-results" in str(result.exception)
    assert sorted(path.name for path in out.iterdir() if path.name != RECORD) == ["new-results", "report.md"]
    assert (out / "report.md").read_text() == "what I thought of it"
    new = {path.relative_to(out / "new-results").as_posix() for path in (out / "new-results").rglob("*.*")}
    assert new == {"report.json", "report.md", "report.html", *(f"figures/{name}.png" for name in NAMES)}


def test_a_class_without_pictures_is_told(place: SimpleNamespace, tmp_path: Path):
    tree = shutil.copytree(place.cells, tmp_path / "tree")
    shutil.rmtree(tree / "monocyte")
    (tree / "holiday").mkdir()
    result = run(place, tmp_path / "out", *data(place, tree))
    assert result.exit_code == 0, result.output
    assert "smearwatch: tree: no pictures of monocyte" in result.stderr
    assert "folders that name no class are not read: holiday" in result.stderr


def empty_class(tree: Path) -> None:
    shutil.rmtree(tree / "basophil")
    (tree / "basophil").mkdir()


def broken_picture(tree: Path) -> None:
    (tree / "band" / "broken.png").write_bytes(b"\x89PNG but no more")


def two_classes(tree: Path) -> None:
    shutil.copy(next((tree / "band").iterdir()), tree / "segmented" / "again.png")


def no_classes(tree: Path) -> None:
    for folder in list(tree.iterdir()):
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (empty_class, r"basophil: no pictures in it"),
        (broken_picture, r"broken\.png: "),
        (two_classes, r"in two classes"),
        (no_classes, r"no class folders in it"),
    ],
)
def test_bad_cells_are_one_line_and_nothing_is_written(place: SimpleNamespace, tmp_path: Path, spoil, told: str):
    tree = shutil.copytree(place.cells, tmp_path / "tree")
    spoil(tree)
    refused(run(place, tmp_path / "out", *data(place, tree)), told)
    assert list(tmp_path.iterdir()) == [tree]


def refused(result, told: str) -> None:
    assert isinstance(result.exception, DataUnusable | WeightsUnusable)
    line = one_line(result.exception)
    assert line is not None
    assert "\n" not in line
    assert re.search(told, line)


@pytest.mark.parametrize("scale", [_SCALE * 3, _SCALE / 3])
def test_a_scale_off_by_three_is_refused_unless_forced(place: SimpleNamespace, tmp_path: Path, scale: float):
    arguments = ["--data", place.cells, "--um-per-px", f"{scale:.3f}"]
    refused(run(place, tmp_path / "out", *arguments), r"leukocytes measure 9 to 20 um, which about 0\.\d+ um/px")
    assert not (tmp_path / "out").exists()
    assert run(place, tmp_path / "out", *arguments, "--force-scale").exit_code == 0


def test_cells_that_were_all_trained_on_are_no_test(place: SimpleNamespace, tmp_path: Path):
    refused(run(place, tmp_path / "out", *data(place), weights=place.knows_all), r"all of its 14 cells")
    assert not (tmp_path / "out").exists()


def test_weights_with_other_classes_are_refused(place: SimpleNamespace, tmp_path: Path):
    other = shutil.copytree(place.weights, tmp_path / "other")
    manifest = json.loads((other / MANIFEST_FILE).read_text())
    manifest["classes"][0] = "stab"
    (other / MANIFEST_FILE).write_text(json.dumps(manifest))
    refused(run(place, tmp_path / "out", *data(place), weights=other), r"the weights name stab, segmented")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to score"),
        (["--data", "cells"], "--data without --um-per-px"),
        (["--um-per-px", "0.1", "--session", "x"], "--um-per-px without --data"),
        (["--fields", "fields"], "--fields without --fields-um-per-px"),
    ],
)
def test_wrong_usage_is_one_line(place: SimpleNamespace, tmp_path: Path, arguments: list[str], told: str):
    result = run(place, tmp_path / "out", *arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("smearwatch: ")
    assert told in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", ["0", "nan"])
def test_the_scale_of_fields_is_held_to_the_rule_too(place: SimpleNamespace, tmp_path: Path, bad: str):
    result = run(place, tmp_path / "out", "--fields", "f", f"--fields-um-per-px={bad}")
    assert isinstance(result.exception, ScaleUnusable)
    assert str(result.exception) == f"--fields-um-per-px {bad}: no usable scale"
    assert not (tmp_path / "out").exists()


@pytest.mark.realdata
def test_real_cells_tell_their_scale(real_data: Path):
    assert check_tree_scale(real_data / "pbc", 0.095) == pytest.approx(12.8, abs=1.5)
    assert check_boxes_scale(real_data / "chula", 0.094) == pytest.approx(12.9, abs=1.5)
    for wrong in (0.032, 0.285):
        with pytest.raises(DataUnusable, match="leukocytes measure"):
            check_tree_scale(real_data / "pbc", wrong)
        with pytest.raises(DataUnusable, match="leukocytes measure"):
            check_boxes_scale(real_data / "chula", wrong)


@pytest.mark.realdata
def test_real_boxed_cells_are_found_by_the_pipeline(real_data: Path, tmp_path: Path):
    boxed = read_boxed_fields(real_data / "chula", 0.094)[::9]
    told: list[str] = []
    found = find_boxed_cells(real_data / "chula", boxed, tmp_path, lambda what, done, total: told.append(what))
    assert found.account.labelled == len(boxed)
    assert len(found.samples) / len(boxed) > 0.85
    assert found.samples[0].draw().shape == (750, 750, 3)
    again = find_boxed_cells(real_data / "chula", boxed, tmp_path, lambda what, done, total: pytest.fail(what))
    assert again.account == found.account
    for cells in (found, again):
        shrunken_fields(cells.samples[:2], Preprocessing(), tmp_path, lambda *_: None)
    assert len(list(tmp_path.glob("*.npy"))) == 1, "kept places give the kept crops"
