"""Weights that use the session's statistics in real processes: the same whoever dies, again, and by `classify`."""

import json

import pytest
import torch

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.session_statistics import FIRST
from smearwatch.models import checkpoint
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.changes.report import change_lines
from smearwatch.train.changes.run import ChangesRequest, find_changes
from smearwatch.train.explaining.program import replies
from smearwatch.train.saving import save_weights
from tests.in_process import run_here
from tests.system.single_cells import UM, middle_row, write_cells
from tests.system.test_run import counted, kill_role, session_folder, smearwatch, start, wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Small weights that learnt nothing, to which every cell is strange."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("weights")
    manifest = Manifest(
        name="t",
        preprocessing=Preprocessing(field_px=88, view_px=72),
        policy=Policy(unfamiliar_beyond=1.0, reject_at=2.0),
        ranges=(LookRange(name="nowhere", cells=9, limits={"sharpness": (9e6, 9e6)}),),
        session_statistics=StatisticsUse(stages=3, share=0.5),
        tensors={},
    )
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), manifest)
    return folder


def as_recorded_and_otherwise(weights, other, cells):
    """Judge the session again without a run: as it was recorded, and by other weights of which nobody can say."""
    networks = checkpoint.load(weights)
    with torch.no_grad():
        networks.resnet.classify.weight.neg_()
    save_weights(other, networks.resnet, networks.bank, networks.manifest.model_copy(update={"name": "other"}))
    lines: list[str] = []
    change = find_changes(ChangesRequest(weights, other, (session_folder("a"),)), lambda *_: None, lines.append)
    (session,) = change.sessions
    assert session.as_recorded == [cells, cells]
    assert (session.cells, session.labelled, session.signed) == (cells, 0, None)
    assert change.check is None
    assert change.machine.n == cells
    assert change.machine.same + sum(pair.cells for pair in change.machine.renamed) == cells
    assert session.changed
    assert [line for line in lines if "is not known" in line] == lines, "the small weights remember nothing"
    assert "nothing here is a check" in " ".join(change_lines(change))


def test_killed_again_and_alone_each_cell_has_one_answer(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_WORKERS", "2")
    monkeypatch.setenv("SMEARWATCH_WEIGHTS", str(weights))
    watched = tmp_path / "cells"
    files = write_cells(watched, 5)
    run = start("run", "--watch", watched, "--um-per-px", UM, "--session", "a", "--until-idle", "4", "--json")
    wait_for(lambda: counted("a") >= 10)
    assert kill_role(run, "worker-2")
    wait_for(lambda: counted("a") >= FIRST)
    assert kill_role(run, "hub")
    out, err = run.communicate(timeout=250)
    assert run.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["complete"]
    with LedgerReader.read(session_folder("a")) as ledger:
        events = [each.event for each in ledger.events() if isinstance(each.event, Counted)]
    first = [event for event in events if not event.anew]
    used = [event.statistics for event in first]
    assert used.count(None) == FIRST, "two blocks have none before them"
    assert {number for number in used if number} == {8, 16}
    anew = [event for event in events if event.anew]
    assert [event.statistics for event in anew] == [FIRST] * FIRST, "and are judged anew"
    # What the network looked at is computed under the same statistics.
    shown = replies(session_folder("a"), [weights])
    for event in (anew[0], anew[-1], events[-1]):
        said, png = shown({"frame": event.frame, "index": event.index}, b"")
        assert said["probability"] == pytest.approx(event.probabilities[CLASSES.index(event.cls)], abs=1e-5)
        assert png
    monkeypatch.setenv("SMEARWATCH_WORKERS", "1")
    replay = smearwatch("replay", "a", "--compare", "--into", "again", "--json")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    comparison = json.loads(replay.stdout.splitlines()[-1])["comparison"]
    assert comparison["identical"]
    assert comparison["cells_same"] == len(first)
    as_recorded_and_otherwise(weights, tmp_path / "other", len(first))
    exported = run_here("sessions", "export", "a", "--json")
    rows = [row for row in map(json.loads, exported.stdout.splitlines()) if row["verdict"] is not None]
    named = run_here("classify", *files, "--um-per-px", UM, "--json")
    assert named.returncode == 0, named.stderr
    for answer in map(json.loads, named.stdout.splitlines()):
        middle = middle_row(rows, answer["file"])
        assert answer["reject_score"] == middle["reject_score"]
        assert middle["class"] == (None if answer["verdict"] == "rejected" else answer["class"])
        assert answer["probabilities"] == {cls: middle[f"probability_{cls}"] for cls in CLASSES}
