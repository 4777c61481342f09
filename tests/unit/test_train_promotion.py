"""What is compared, the rule, the history and the card, without a network."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from smearwatch.models.classes import CLASSES
from smearwatch.models.manifest import Manifest
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.commands import promote
from smearwatch.train.data.samples import REJECT, Sample, Target, either, exact
from smearwatch.train.evaluation.judged import Judged, judge
from smearwatch.train.promotion.card import render_card
from smearwatch.train.promotion.compare import Comparison, compare
from smearwatch.train.promotion.history import HistoryDamaged, Step, read_steps, undo_stack, write_steps
from smearwatch.train.promotion.known import PROMOTION_FILE, CardReport, Known, read_promotion
from smearwatch.train.promotion.record import Promotion, SetCounts, WeightsInUse
from smearwatch.train.promotion.rule import MARGIN, SIGNIFICANT, find_objections
from smearwatch.train.statistics import Paired, Share


def bools(text: str) -> NDArray[np.bool_]:
    return np.array([letter == "1" for letter in text], dtype=np.bool_)


def sample(label: str, target: Target) -> Sample:
    return Sample(label, "x", label, target, "g", None, lambda: np.empty((0,), np.uint8), "00" * 32)


def answers(*said: tuple[int, str]) -> Judged:
    return Judged(np.array([place for place, _ in said]), np.array([verdict for _, verdict in said]))


def test_what_is_compared():
    samples = [
        sample("band", exact(0)),
        sample("band", exact(0, 0.7, other=1)),
        sample("neutrophil", either((0, 1))),
        sample("monocyte", exact(4)),
        sample("artefact", REJECT),
    ]
    before = answers((0, "confirmed"), (1, "confirmed"), (1, "flagged"), (4, "rejected"), (2, "rejected"))
    after = answers((0, "flagged"), (0, "confirmed"), (4, "flagged"), (4, "confirmed"), (2, "confirmed"))
    found = compare(samples, before, after)
    assert found.accuracy == Paired(4, 2, 1, 1)
    assert {name: (change.gained, change.lost) for name, change in found.per_class.items()} == {
        "band": (1, 0),
        "monocyte": (0, 0),
        "neutrophil": (0, 1),
    }
    assert (found.true_cells_rejected.before.hits, found.true_cells_rejected.after.hits) == (1, 0)
    assert (found.flagged.before.hits, found.flagged.after.hits) == (1, 2)
    assert (found.silent_errors.before.hits, found.silent_errors.after.hits) == (1, 0)
    assert (found.strange_rejected.n, found.strange_rejected.lost) == (1, 1)


def test_a_verdict_is_what_the_daemon_would_record():
    outputs = Outputs(np.eye(6)[[0, 3, 5]], np.eye(6)[[0, 2, 5]], np.array([0.1, 0.2, 0.9]))
    found = judge(outputs, Policy())
    assert (found.class_indices.tolist(), found.verdicts.tolist()) == ([0, 3, 5], ["confirmed", "flagged", "rejected"])


def entry(before: str, after: str) -> Paired:
    return Paired.of(bools(before), bools(after))


def comparison(**changes: Any) -> Comparison:
    even, never = entry("1" * 400, "1" * 400), entry("0" * 400, "0" * 400)
    return replace(Comparison(even, {"band": even}, never, even, even, even), **changes)


FALLS, RISES = entry("1" * 10, "0" * 6 + "1" * 4), entry("0" * 10, "1" * 6 + "0" * 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"flagged": RISES}, None),
        ({"per_class": {"band": entry("1" * 10, "0" * 5 + "1" * 5)}}, None),
        ({"accuracy": entry("1" * 380, "1" * 380)}, "at this rate about 381 cells would show it"),
        ({"accuracy": entry("1" * 400, "0" * 9 + "1" * 391)}, "lower limit not above -0.01"),
        ({"accuracy": entry("", "")}, "no cell of the six classes"),
        ({"per_class": {"band": FALLS}}, "band falls from 10 to 4 of 10 (p = 0.031)"),
        ({"strange_rejected": FALLS}, "rejection of what is none of the six falls"),
        ({"true_cells_rejected": RISES}, "true cells rejected rise from 0 to 6 of 10"),
        ({"silent_errors": RISES}, "silent errors rise"),
    ],
)
def test_the_rule(changes: dict[str, Any], said: str | None):
    found = find_objections(comparison(**changes), {"a": comparison()})
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_a_set_that_falls_is_not_outweighed_by_another():
    found = find_objections(comparison(), {"pbc": comparison(), "session monday": comparison(accuracy=FALLS)})
    assert found == ["accuracy on session monday falls from 10 to 4 of 10 (p = 0.031)"]


def test_the_help_says_the_rule_that_is_applied():
    said = " ".join(CliRunner().invoke(promote.app, ["--help"]).stdout.replace("│", " ").split())
    assert f"lies above -{MARGIN:g}" in said
    assert f"p < {SIGNIFICANT:g}" in said
    assert "381 cells" in said


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path):
    present = WeightsInUse("cd" * 32, "second", "shipped")
    record = Promotion(
        promoted=True,
        already=False,
        weights_id="ab" * 32,
        name="ours",
        present=present,
        rule="a rule",
        at="2026-01-01T00:00:00+00:00",
        objections=["band falls"],
        forced=True,
        sets={"pbc": SetCounts(400, 3)},
        notes=["a note"],
        comparison=comparison(accuracy=FALLS, flagged=entry("", "")),
        by_set={"pbc": comparison()},
    )
    (tmp_path / PROMOTION_FILE).write_text(json.dumps(record.to_json()))
    assert read_promotion(tmp_path) == record
    keys = "promoted already weights_id name present rule objections forced sets notes comparison by_set at"
    assert list(record.to_json()) == keys.split()
    assert list(replace(record, folder="x").to_json()) == [*keys.split(), "folder"]
    for damaged in ("", "[]", "{}", json.dumps({**record.to_json(), "comparison": {"accuracy": 1}})):
        (tmp_path / PROMOTION_FILE).write_text(damaged)
        assert read_promotion(tmp_path) is None


def step(how: str, weights: str | None, before: str | None = None) -> Step:
    return Step("2026-01-01T00:00:00+00:00", how, weights, before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "current", "standing"),
    [
        ([], None, [None]),
        ([step("promoted", "a")], "a", [None, "a"]),
        ([step("promoted", "a"), step("forced", "b")], "b", [None, "a", "b"]),
        ([step("promoted", "a"), step("promoted", "b"), step("back", "a")], "a", [None, "a"]),
        ([step("promoted", "a"), step("promoted", "b"), step("promoted", "a")], "a", [None, "a", "b", "a"]),
        ([step("promoted", "a"), step("promoted", "b"), step("back", None)], None, [None]),
        ([step("promoted", "a")], "x", [None, "x"]),
        ([step("promoted", "a")], None, [None]),
    ],
)
def test_what_going_back_leads_to(steps: list[Step], current: str | None, standing: list[str | None]):
    assert undo_stack(steps, current) == standing


def test_a_step_that_was_never_carried_out_is_left_out(tmp_path: Path):
    write_steps(tmp_path, [step("promoted", "a"), step("promoted", "b", "a")])
    assert [each.weights for each in read_steps(tmp_path, "b")] == ["a", "b"]
    assert [each.weights for each in read_steps(tmp_path, "a")] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"at": "x"}]', b"\xff"])
def test_a_damaged_history_is_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "history.json").write_bytes(content)
    with pytest.raises(HistoryDamaged, match=r"history\.json: not a history"):
        read_steps(tmp_path, None)


def test_the_card_holds_the_weights_own_numbers():
    manifest = Manifest(
        name="tuesday",
        tensors={},
        temperature=0.8123,
        data={"counts": {"train": {"cells": 7001, "chula": 12}, "test": {"cells": 402}}, "sha256": "ef" * 32},
        split={"salt": "s-1"},
        licences=("PBC, CC BY 4.0",),
    )
    scores: dict[str, Any] = {"accuracy_share": Share(95, 100).to_json(), "ece": 0.0312}
    scores["per_class"] = {
        name: {"recall": Share(9 + place, 10 + place).to_json()} for place, name in enumerate(CLASSES)
    }
    report = {"notes": ["No set tells patients apart.", "Weights x"], "sets": {"cells": scores}}
    text = render_card(Known(manifest, CardReport.from_json(report), None))
    for wanted in (
        "For Research Use Only. Not for use in diagnostic procedures.",
        manifest.weights_id(),
        manifest.band_rule,
        "0.8123",
        "| cells | 7001 | 402 |",
        "| chula | 12 | 0 |",
        "Credit and licence: PBC, CC BY 4.0",
        "0.9500 (0.887 to 0.984; 95/100)",
        "| lymphocyte | 0.9333 (",
        "band 10, segmented 11",
        "- No set tells patients apart.",
        "promote --back",
    ):
        assert wanted in text
    assert "No report of these very weights" in render_card(Known(manifest, None, None))
