"""`smearwatch calibrate`, and runs that believe what it kept."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from smearwatch.capture.commands.calibrate import app
from smearwatch.capture.formats.decode import decode
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.calibration import CalibrationUnusable, calibrations_root, load
from smearwatch.capture.scale.claims import ScaleMissing
from smearwatch.capture.scale.resolver import scale_resolver
from smearwatch.capture.slide.slide import Slide
from smearwatch.clients.audit_lines import entry_line
from smearwatch.daemon.config import Settings
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.audit import read_trail
from tests.unit.test_scale_ruling import micrometer

pytestmark = pytest.mark.integration


@pytest.fixture
def state_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def ruler(tmp_path):
    file = tmp_path / "ruler.png"
    cv2.imwrite(str(file), micrometer(0.09, degrees=4.0))
    return file


def calibrate(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_micrometer_is_measured_kept_shown_and_forgotten(state_dir, ruler, tmp_path):
    look = tmp_path / "look.png"
    done = calibrate("--micrometer", ruler, "--length-um", "10", "--overlay", look, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["um_per_px"] == pytest.approx(0.09, rel=0.005)
    assert (told["method"], told["width_px"], told["height_px"]) == ("micrometer", 1280, 960)
    assert told["lines"] >= 8
    kept = load(state_dir, "default")
    assert kept is not None
    assert kept.model_dump() == told
    assert decode(look.read_bytes()).shape == (960, 1280, 3)
    assert not np.array_equal(decode(look.read_bytes()), decode(ruler.read_bytes()))
    measure = ("--micrometer", ruler, "--length-um", "10", "--name", "other", "--overlay")
    assert "it is the picture itself" in str(calibrate(*measure, ruler, "--force").exception)
    look.write_bytes(b"drawn on")
    assert "look.png exists already" in str(calibrate(*measure, look).exception)
    assert look.read_bytes() == b"drawn on"
    assert load(state_dir, "other") is None
    assert "default: 0.0" in calibrate("--list").stdout
    forgotten = calibrate("--forget", "default")
    assert forgotten.exit_code == 0
    assert forgotten.stdout.startswith("forgotten: default: 0.0")
    assert load(state_dir, "default") is None
    assert calibrate("--list").stdout.startswith(f"no calibrations under {calibrations_root(state_dir)} yet: ")
    assert calibrate("--list", "--json").stdout == ""
    entries = [entry for entry in read_trail(state_dir).entries if entry.kind == "calibration"]
    assert [entry_line(entry).partition(": ")[2] for entry in entries] == [
        f"calibration 'default': {told['um_per_px']} um/px, before: none",
        f"calibration 'default': none, before: {told['um_per_px']} um/px",
    ]


def test_what_is_forgotten_is_told_to_programs_too(state_dir, ruler):
    kept = json.loads(calibrate("--micrometer", ruler, "--length-um", "10", "--json").stdout)
    told = calibrate("--forget", "default", "--json")
    assert json.loads(told.stdout) == {"forgotten": "default", "calibration": kept}
    (calibrations_root(state_dir) / "torn.json").write_text("{}")
    assert calibrate("--forget", "torn").stdout == "forgotten: torn, which was damaged\n"
    assert list(calibrations_root(state_dir).iterdir()) == []


def test_a_bar(state_dir, tmp_path):
    bgr = Slide(3, um_per_px=0.1, width_px=900, height_px=600).field(1).bgr.copy()
    cv2.rectangle(bgr, (640, 560), (839, 567), (0, 0, 0), -1)
    cv2.imwrite(str(tmp_path / "bar.png"), bgr)
    done = calibrate("--bar", tmp_path / "bar.png", "--length-um", "20", "--name", "teaching", "--json")
    assert json.loads(done.stdout)["um_per_px"] == pytest.approx(0.1, rel=0.01)
    kept = load(state_dir, "teaching")
    assert kept is not None
    assert kept.method == "bar"
    assert done.stderr == ""


def test_a_kept_calibration_is_not_replaced_without_a_word_nor_an_odd_scale_kept_without_one(state_dir, ruler):
    measure = ("--micrometer", ruler, "--name", "x100", "--length-um")
    assert calibrate(*measure, "10").stderr == ""
    assert calibrate(*measure, "10").stderr == "", "the same again replaces nothing"
    again = calibrate(*measure, "100")
    assert again.exit_code == 0
    assert "warning: x100 was kept already and is replaced: 0.0900" in again.stderr
    assert "unusual for fields of blood, in which a red cell is then 8 px wide" in again.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing to do (give --micrometer IMAGE or --bar IMAGE with --length-um, --list, or --forget NAME)"),
        (
            ("--micrometer", "{ruler}", "--bar", "{ruler}", "--length-um", "10"),
            "--micrometer and --bar cannot be used together (give the one that the picture shows)",
        ),
        (("--bar", "{ruler}", "--list"), "--bar and --list cannot be used together (give one of them)"),
        (("--list", "--forget", "a"), "--list and --forget cannot be used together (give one of them)"),
        (("--micrometer", "{ruler}"), "--length-um must be a length"),
        (("--micrometer", "{ruler}", "--length-um", "0"), "--length-um must be a length"),
        (("--micrometer", "{ruler}", "--length-um", "-10"), "--length-um must be a length"),
        (("--micrometer", "{ruler}", "--length-um", "nan"), "--length-um must be a length"),
    ],
)
def test_wrong_usage_is_one_line(state_dir, ruler, options, said):
    done = calibrate(*(option.format(ruler=ruler) for option in options))
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert load(state_dir, "default") is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--micrometer", "{folder}/none.png", "--length-um", "10"), "No such file"),
        (("--micrometer", "{folder}/words.png", "--length-um", "10"), "not a picture (it is text)"),
        (("--micrometer", "{ruler}", "--length-um", "50000"), "um/px, not a number from 0.01 to 1"),
        (("--bar", "{ruler}", "--length-um", "10"), "{ruler}: "),
        (("--forget", "nobody"), "no calibration 'nobody' to forget"),
        (("--forget", "../nobody"), "'../nobody' cannot be the name of a calibration"),
        (
            ("--micrometer", "{ruler}", "--length-um", "10", "--name", "a b"),
            "'a b' cannot be the name of a calibration",
        ),
    ],
)
def test_what_cannot_be_measured_says_why(state_dir, ruler, tmp_path, options, said):
    (tmp_path / "words.png").write_text("words")
    done = calibrate(*(option.format(ruler=ruler, folder=tmp_path) for option in options))
    assert isinstance(done.exception, (CalibrationUnusable, NameUnusable))
    assert said.format(ruler=ruler) in str(done.exception)
    assert done.exception.hint
    assert load(state_dir, "default") is None


def test_a_damaged_calibration_is_no_scale(state_dir, ruler):
    calibrate("--micrometer", ruler, "--length-um", "10")
    (calibrations_root(state_dir) / "default.json").write_text("{}")
    with pytest.raises(CalibrationUnusable, match=r"default\.json: damaged"):
        load(state_dir, "default")


def frame(um_per_px, width_px, height_px):
    bgr = Slide(4, um_per_px=um_per_px, width_px=width_px, height_px=height_px).field(1).bgr
    return SourceFrame("a.png", cv2.imencode(".png", bgr)[1].tobytes(), 0)


def resolver(state_dir, **settings):
    plan = RunPlan(settings=Settings(state_dir=state_dir, **settings), session="t", source="folder")
    return scale_resolver(plan)


def test_a_run_believes_the_micrometer_first_for_pictures_of_its_size(state_dir, ruler, capsys):
    calibrate("--micrometer", ruler, "--length-um", "10")
    (scaled,) = resolver(state_dir, um_per_px=0.095).admit([frame(0.09, 1280, 960)])
    assert (scaled.um_per_px, scaled.um_per_px_source) == (pytest.approx(0.09, rel=0.005), "micrometer")
    (other,) = resolver(state_dir, um_per_px=0.09).admit([frame(0.09, 900, 600)])
    assert (other.um_per_px, other.um_per_px_source) == (0.09, "configured")
    assert "calibration not used" in "".join(capsys.readouterr())


def test_a_scale_that_no_smear_has_is_not_believed_of_a_source_either(state_dir, capsys):
    told = replace(frame(0.1, 400, 300), um_per_px=5.0, um_per_px_source="Acme SDK")
    (scaled,) = resolver(state_dir, um_per_px=0.1).admit([told])
    assert (scaled.um_per_px, scaled.um_per_px_source) == (0.1, "configured")
    assert "Acme SDK states 5 um/px, not a number from 0.01 to 1" in "".join(capsys.readouterr())


@pytest.mark.parametrize("trusted", ["micrometer", "configured"])
def test_the_one_source_that_is_trusted_has_to_be_there(state_dir, ruler, trusted):
    with pytest.raises(ScaleMissing, match=f"settings: no scale from {trusted}"):
        resolver(state_dir, scale_from=trusted)
    calibrate("--micrometer", ruler, "--length-um", "10")
    assert resolver(state_dir, scale_from=trusted, um_per_px=0.1) is not None


def test_a_calibration_that_is_named_has_to_be_there(state_dir):
    with pytest.raises(CalibrationUnusable, match="no calibration 'ercs'"):
        resolver(state_dir, calibration="ercs")
