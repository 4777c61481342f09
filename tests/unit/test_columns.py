"""Lines for a person fit 80 columns: what is folded, and what a run says of itself."""

import io
import sys

import pytest

from smearwatch.capture.scale.claims import ScaleClaim, describe_difference
from smearwatch.daemon.columns import COLUMNS, fold, lines_for
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.log import ScreenRenderer, configure, get_logger, is_worth_a_line
from smearwatch.daemon.one_line import say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.drift_words import mend
from smearwatch.daemon.record.mark import WORDS
from smearwatch.daemon.sign_text import how_to_verify
from smearwatch.daemon.summary_lines import how_to_go_on, summary_lines
from smearwatch.daemon.weights import weights_in_use


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_folding_breaks_between_words_and_never_in_them():
    text = "word " * 40
    lines = fold(text, first="# ", rest="#   ")
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].startswith("# word")
    assert all(line.startswith("#   word") for line in lines[1:])
    assert " ".join(line.lstrip("# ") for line in lines).split() == text.split()
    path = "/" + "a" * 100
    assert path in fold(f"in {path} there is nothing")
    assert fold("", first="# ") == ["#"]


def summary(**changes):
    shares = dict.fromkeys(
        ("band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte", "neutrophils"),
    )
    names = [name for name in shares if name != "neutrophils"]
    stages = ("decode", "scale", "light", "quality", "segment", "crop", "place", "classify", "crop_to_count")
    return {
        "session": "s" * 64,
        **dict.fromkeys(
            ("cells", "cells_found", "at_edge", "seen_again", "judged_again", "rejected", "flagged", "unfamiliar"),
            99_999,
        ),
        "neutrophils": 99_999,
        "counts": dict.fromkeys(names, 99_999),
        "percent": {name: {"value": 100.0, "low": 100.0, "high": 100.0} for name in shares},
        "frames": dict.fromkeys(("seen", "counted", "rejected", "pending"), 99_999),
        "rejected_by_reason": dict.fromkeys(("out_of_focus", "colour_unsupported", "not_a_smear"), 33_333),
        "drift": None,
        "drifted": {"episodes": 3, "cells": 99_999},
        "mark": WORDS,
        "stages_ms": {stage: {"median_ms": 99_999.9} for stage in stages},
        **changes,
    }


DRIFT = {
    "since_cell": 12_345,
    "says": "red cells yellower (less blue light) than those trained on, 99.9 times beyond the limit",
    "mend": mend("red_cells_blue_green", "above"),
}


@pytest.mark.parametrize("drift", [None, DRIFT])
def test_a_runs_summary_fits(drift):
    scales = ["scale: 0.102 um/px (median; 0.099 \N{EN DASH} 0.105), from red cells, not calibrated in 99999 frames"]
    lines = summary_lines(summary(drift=drift), scales=scales, stages=True)
    assert "median ms by stage" not in " ".join(summary_lines(summary(drift=drift)))
    assert [line for line in lines if len(line) > COLUMNS] == []
    text = " ".join(" ".join(lines).split())
    assert "99999 seen = 99999 counted + 99999 rejected (33333 out of focus, 33333 colour unsupported" in text
    assert ("the last ones not" if drift is None else str(DRIFT["says"])) in text
    assert lines[-2:] == [
        "For Research Use Only. Not for use in diagnostic procedures.",
        "Preliminary until verified by a person.",
    ]


def test_what_is_logged_fits_a_terminal_and_leaves_out_what_only_developers_ask_for():
    first = ScaleClaim("micrometer", 0.1234, "calibration a-long-name-of-a-microscope, stage micrometer")
    second = ScaleClaim("red_cells", 0.2345, "3 fields")
    entry = {
        "timestamp": "12:34:56", "level": "warning", "role": "source", "event": "scales differ",
        "frame": "field-00012.jpg", "detail": describe_difference(first, second),
    }  # fmt: skip
    plain = ScreenRenderer(everything=False, colour=False)(None, "warning", dict(entry))
    lines = plain.splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].startswith("12:34:56 warning: scales differ (frame: field-00012.jpg, detail: ")
    assert all(line.startswith(" " * 9) for line in lines[1:])
    assert "source" not in plain
    assert "differ by 90 %" in " ".join(plain.split())
    everything = ScreenRenderer(everything=True, colour=True)(None, "warning", dict(entry))
    assert "role: source" in everything
    assert everything.startswith("\x1b[33m12:34:56")
    quiet = {
        "timestamp": "12:34:56",
        "level": "info",
        "role": "hub",
        "event": "session begun",
        "session": "a",
        "epoch": 1,
    }
    assert ScreenRenderer(everything=False, colour=True)(None, "info", quiet) == "12:34:56 session begun (session: a)"


def test_an_error_is_one_line_for_a_script_and_folded_on_a_terminal(monkeypatch):
    line = "folder /srv/camera does not exist (make it, or name one that the camera's software writes into)"
    for stream, lines in ((io.StringIO(), 1), (Terminal(), 2)):
        monkeypatch.setattr(sys, "stderr", stream)
        say(line)
        said = stream.getvalue()
        assert len(said.splitlines()) == lines
        assert " ".join(said.split()) == f"smearwatch: {line}"


def test_whoever_has_counted_is_told_how_to_verify_it():
    result = {"session": "tuesday", "cells_found": 3, "signed": None}
    said = how_to_verify(result)
    assert said[0].endswith(": smearwatch review tuesday")
    assert said[1].endswith(": smearwatch watch tuesday")
    assert said[2].endswith(": smearwatch sessions sign tuesday --by WHO")
    assert how_to_verify(result | {"cells_found": 0}) == how_to_verify(result | {"signed": {"by": "A"}}) == []


def test_whoever_stopped_it_is_told_how_to_go_on(tmp_path):
    plan = RunPlan(
        settings=load_settings(), session="tuesday", source="folder", source_options={"dir": str(tmp_path / "a b")}
    )
    frames = {"seen": 20, "counted": 5, "rejected": 0}
    result = {"session": "tuesday", "frames": frames | {"pending": 15}}
    command = f"smearwatch run --watch '{tmp_path}/a b' --session tuesday"
    assert how_to_go_on(result, plan) == f"15 frames wait; to go on: {command}"
    assert how_to_go_on({**result, "session": "tuesday-a"}, plan) == (
        "15 frames wait in session tuesday-a; to go on, give the same command again"
    )
    assert how_to_go_on({**result, "frames": frames | {"pending": 0}}, plan) is None
    # The run itself takes the usual weights by their folder; nobody has named them, and nobody needs to.
    for weights, told in ((weights_in_use(plan.settings), ""), (tmp_path / "mine", f" --weights {tmp_path}/mine")):
        of = plan.model_copy(update={"settings": plan.settings.model_copy(update={"weights": weights})})
        assert how_to_go_on(result, of) == f"15 frames wait; to go on: {command}{told}"
    camera = plan.model_copy(update={"source": "camera", "source_options": {}})
    assert how_to_go_on(result, camera) == "15 frames wait; to go on, run it again with --session tuesday"
    later = plan.model_copy(update={"session": "later"})
    assert str(how_to_go_on(result, plan, later)).endswith("(once this run has ended; session later goes on after it)")
    wanted = plan.model_copy(
        update={
            "settings": load_settings(target=200),
            "target_classes": {"monocyte": 20},
            "target_within": dict.fromkeys(CLASSES, 5.0),
            "stop_at_target": True,
        }
    )
    for reached, ends in ((False, " --stop-at-target"), (True, "")):
        said = how_to_go_on({**result, "target_reached": reached}, wanted)
        assert said is not None
        assert said.endswith(f"{command} --target 200 --target-class monocyte=20 --target-within 5{ends}")
    one = how_to_go_on(result, plan.model_copy(update={"target_within": {"band": 2.5}}))
    assert one is not None
    assert one.endswith(f"{command} --target-within band=2.5")


def test_what_moves_the_cursor_of_a_terminal_is_not_written_there():
    (line,) = lines_for(io.StringIO(), "picture a\nsmearwatch: all is well\r\x1b[2J\x85\u2028.jpg\tleft out")
    assert line == "picture a\N{REPLACEMENT CHARACTER}smearwatch: all is well" + "\N{REPLACEMENT CHARACTER}" * 2 + (
        "[2J" + "\N{REPLACEMENT CHARACTER}" * 2 + ".jpg\tleft out"
    )
    (line,) = lines_for(Terminal(), "picture \x1b[2J\x07\u202egpj.a left out")
    assert line == "picture \ufffd[2J\ufffd\ufffdgpj.a left out"


def test_what_moves_the_cursor_of_a_terminal_is_not_logged(monkeypatch):
    log = Terminal()
    monkeypatch.setattr(sys, "stderr", log)
    configure("info", role="test")
    get_logger().warning("picture left out", name="\x1b[2J\u202egpj.a")
    assert "name: \ufffd[2J\ufffdgpj.a" in log.getvalue()
    assert "\x1b[2J" not in log.getvalue()


def test_what_happens_often_is_logged_ever_more_rarely():
    assert [times for times in range(1, 10_001) if is_worth_a_line(times)] == [*range(1, 11), 100, 1000, 10_000]
