"""`smearwatch promote` on real folders: compared, refused, promoted, gone back from; and never half."""

import fcntl
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import Found, FoundCell, Labelled, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.scale_rule import ScaleUnusable
from smearwatch.daemon.weights import shipped_weights, weights_in_use
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.memory import FEATURES, Memory, Remembered, packed, short
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.commands import classify, promote
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.promotion.history import Step, read_steps, write_steps
from smearwatch.train.saving import save_weights

pytestmark = pytest.mark.integration

UM_PER_PX = 0.1
A_CLASS = 6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn cells that the shipped weights know how to name, six a class, and a place for crops."""
    where = tmp_path_factory.mktemp("promote")
    for seed in range(A_CLASS * len(CLASSES)):
        cls = CLASSES[seed % len(CLASSES)]
        picture = render_cell_picture(cls, np.random.default_rng(70_000 + seed), um_per_px=UM_PER_PX, size_px=330)
        (where / "cells" / cls).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(where / "cells" / cls / f"{seed}.png"), picture)
    return where


def untrained(folder: Path, seed: int = 1, met: frozenset[int] | None = None) -> Path:
    """Weights that know nothing."""
    torch.manual_seed(seed)
    manifest = Manifest(name=f"seed {seed}", preprocessing=Preprocessing(field_px=88, view_px=72), tensors={})
    nothing = Remembered(np.zeros((0, FEATURES), np.float32), np.zeros((0, 6), np.float32), np.zeros(0, np.uint8))
    memory = None if met is None else packed(Memory(met, frozenset(), nothing, nothing))
    save_weights(folder, LeukocyteResNet("batch"), LeNetBank(72), manifest, memory)
    return folder


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(promote.app, [str(word) for word in words])
    assert result.exit_code == code, result
    if code == 1:
        assert getattr(result.exception, "hint", None), result.exception
        assert "\n" not in str(result.exception)
    return result


def on(place: Path) -> list[str]:
    options = ["--data", str(place / "cells"), "--um-per-px", str(UM_PER_PX), "--cache", str(place / "cache")]
    return [*options, "--force-scale"]


def told(result: Result) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def in_use() -> Path:
    return weights_in_use(load_settings())


def entries() -> list[str]:
    root = load_settings().state_dir / "weights"
    return sorted(path.name for path in root.iterdir()) if root.is_dir() else []


def test_worse_weights_are_refused_and_better_ones_promoted(place: Path, tmp_path: Path):
    worse = untrained(tmp_path / "worse")
    refused = run(worse, *on(place), "--json", code=1)
    assert "not promoted: the difference in accuracy is -" in str(refused.exception)
    record = told(refused)
    assert (record["promoted"], record["comparison"]["accuracy"]["n"]) == (False, A_CLASS * 6)
    assert in_use() == shipped_weights()
    assert entries() == ["lock"]
    forced = told(run(worse, *on(place), "--force", "--json"))
    assert (forced["promoted"], forced["forced"], bool(forced["objections"])) == (True, True, True)
    assert in_use() == Path(forced["folder"])
    better = told(run(shipped_weights(), *on(place), "--json"))
    assert (better["promoted"], better["forced"], better["objections"]) == (True, False, [])
    assert better["present"]["weights_id"] == forced["weights_id"]
    assert entries() == sorted([better["weights_id"], forced["weights_id"], "current", "history.json", "lock"])
    card = (in_use() / "MODEL_CARD.md").read_text()
    gained = better["comparison"]["accuracy"]
    assert f"{gained['difference']['value']:+.4f}" in card
    assert forced["weights_id"][:16] in card
    assert json.loads((in_use() / "promotion.json").read_text())["comparison"] == better["comparison"]


def test_a_folder_that_is_not_there_is_said_first(tmp_path: Path):
    missing = run(tmp_path / "nofolder", "--data", str(tmp_path), code=1)
    assert str(missing.exception) == f"{tmp_path / 'nofolder'}: no such folder"


def test_going_back_one_by_one(tmp_path: Path):
    identities = [told(run(untrained(tmp_path / str(n), n), "--force", "--json"))["weights_id"] for n in (1, 2)]
    assert in_use().name == identities[1]
    assert told(run("--back", "--json")) == {"weights": identities[0], "passed_over": []}
    assert in_use().name == identities[0]
    assert told(run("--back", "--json"))["weights"] is None
    assert in_use() == shipped_weights()
    assert "there are none before them" in str(run("--back", code=1).exception)
    shipped, one, two = (json.loads(line) for line in run("--list", "--json").stdout.splitlines())
    assert (shipped["from"], shipped["current"], shipped["how"]) == ("shipped", True, "back")
    assert [each["weights"] for each in (one, two)] == identities
    assert [(each["current"], each["how"], each["name"]) for each in (one, two)] == [
        (False, "back", "seed 1"),
        (False, "forced", "seed 2"),
    ]
    assert run("--list").stdout.startswith("* ")


def test_damaged_weights_are_told_and_gone_back_from(tmp_path: Path):
    folders = [Path(told(run(untrained(tmp_path / str(n), n), "--force", "--json"))["folder"]) for n in (1, 2, 3)]
    for folder in folders[1:]:
        (folder / "resnet18.safetensors").write_bytes(b"damage")
    result = CliRunner().invoke(classify.app, ["x.png", "--um-per-px", "0.1"])
    assert "its SHA-256 is not the manifest's" in str(result.exception)
    assert [bool(json.loads(line)["fault"]) for line in run("--list", "--json").stdout.splitlines()] == [
        False,
        False,
        True,
        True,
    ]
    assert "resnet18" in str(run(untrained(tmp_path / "4", 4), "--force", code=1).exception)
    back = run("--back")
    assert folders[1].name in back.stderr
    assert in_use() == folders[0]


def test_a_promotion_that_was_killed_before_the_switch_is_no_promotion(tmp_path: Path):
    first = told(run(untrained(tmp_path / "1", 1), "--force", "--json"))["weights_id"]
    root = load_settings().state_dir / "weights"
    write_steps(root, [*read_steps(root, first), Step("2026-01-01", "promoted", "ab" * 32, first)])
    (root / ".incoming-1").mkdir()
    (root / ".incoming-1" / "half").write_text("half")
    second = told(run(untrained(tmp_path / "2", 2), "--force", "--json"))["weights_id"]
    assert [step.weights for step in read_steps(root, second)] == [first, second]
    assert not list(root.glob(".*"))


def test_two_at_once(tmp_path: Path):
    new = untrained(tmp_path / "1")
    root = load_settings().state_dir / "weights"
    root.mkdir(parents=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another promotion" in str(run(new, "--force", code=1).exception)
        assert "another promotion" in str(run("--back", code=1).exception)
        run("--list")
    run(new, "--force")


def test_cells_that_either_has_met_are_left_out(place: Path, tmp_path: Path):
    samples = read_class_tree(place / "cells", UM_PER_PX)
    digests = [short(sample.digest) for sample in samples]
    some = untrained(tmp_path / "some", 1, frozenset(digests[:7]))
    record = told(run(some, *on(place), "--json", code=1))
    assert record["sets"] == {"cells": {"cells": len(digests) - 7, "left_out": 7}}
    assert record["comparison"]["accuracy"]["n"] == len(digests) - 7
    every = untrained(tmp_path / "every", 2, frozenset(digests))
    refused = run(every, *on(place), code=1)
    assert f"every one of the {len(digests)} cells" in str(refused.exception)
    assert refused.stdout == ""
    assert told(run(every, "--force", "--json"))["forced"] is True


def test_the_weights_in_use_again(place: Path):
    record = told(run(shipped_weights(), *on(place), "--json"))
    assert (record["promoted"], record["already"]) == (False, True)
    assert entries() == ["lock"]


def test_weights_that_the_settings_name_stay_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = untrained(tmp_path / "own", 1)
    monkeypatch.setenv("SMEARWATCH_WEIGHTS", str(own))
    result = run(untrained(tmp_path / "new", 2), "--force", "--json")
    assert told(result)["present"]["from"] == "the settings'"
    assert f"settings name weights of their own ({own})" in result.stderr
    assert in_use() == own


def test_a_labelled_session_as_frozen_cells(tmp_path: Path):
    folder = session_folder(load_settings().state_dir, "monday")
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, 33.0, "rule", {})])
        for number, cls in enumerate((*CLASSES, *CLASSES)):
            picture = render_cell_picture(cls, np.random.default_rng(80_000 + number), um_per_px=0.1, size_px=400)
            frame = ledger.frames.put(cv2.imencode(".png", picture)[1].tobytes())
            cells = (FoundCell(0, (140, 140, 120, 120), (200.0, 200.0), 110.0, False, 1.0),)
            ledger.append([Seen(frame, f"{number}.png", 1, number, None, None, True, "folder")])
            ledger.append([Found(frame, 400, 400, 0.1, "configured", None, 0.5, cells)])
            ledger.append([Labelled(frame, 0, cls, "reader", 1, 5)])
    record = told(run(untrained(tmp_path / "new"), "--session", "monday", "--session", folder, "--json", code=1))
    assert record["sets"] == {"session monday": {"cells": 12, "left_out": 0}}
    assert record["comparison"]["accuracy"]["before"]["hits"] >= 9
    assert "no session 'tuesday'" in str(run(tmp_path / "new", "--session", "tuesday", code=1).exception)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["new", "--back"],
        ["--back", "--list"],
        ["new", "--data", "cells"],
        ["new", "--um-per-px", "0.1"],
        ["new", "--fields", "x"],
    ],
)
def test_wrong_usage(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    untrained(tmp_path / "new")
    monkeypatch.chdir(tmp_path)
    run(*words, code=2)
    assert entries() == []


def test_a_scale_without_sense_is_wrong_usage(tmp_path: Path):
    new = untrained(tmp_path / "new")
    assert isinstance(run(new, "--data", "cells", "--um-per-px", "0", code=1).exception, ScaleUnusable)
    assert entries() == []


def test_what_cannot_be_promoted(place: Path, tmp_path: Path):
    assert "no cells to compare on" in str(run(untrained(tmp_path / "new"), code=1).exception)
    assert "no such folder" in str(run(tmp_path / "gone", *on(place), code=1).exception)
    other = untrained(tmp_path / "other", 2)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, "classes": ["band"]}))
    assert "the weights name band instead of" in str(run(other, *on(place), code=1).exception)
    assert "no such folder" in str(
        run(tmp_path / "new", "--data", tmp_path / "x", "--um-per-px", 0.1, code=1).exception
    )
    assert in_use() == shipped_weights()


def test_the_card_of_any_weights(tmp_path: Path):
    folder = untrained(tmp_path / "new", 3)
    assert run("--card", folder).stdout == f"{folder / 'MODEL_CARD.md'}\n"
    assert "# Model card: weights `seed 3`" in (folder / "MODEL_CARD.md").read_text()
    assert "no such folder" in str(run("--card", tmp_path / "gone", code=1).exception)
