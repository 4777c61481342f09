"""``smearwatch slide``: files, truth, and one line for what cannot be."""

import json

import pytest
from typer.testing import CliRunner

from smearwatch.capture.commands.slide import app
from smearwatch.capture.slide.errors import SlideError

QUICK = ["--size", "400x300", "--um-per-px", "0.12", "--rate", "0"]


def _run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_fields_and_their_truth_are_written(tmp_path):
    out, truth = tmp_path / "watched", tmp_path / "truth.jsonl"
    result = _run("--out", out, "--truth", truth, "--fields", 3, "--json", *QUICK)
    assert result.exit_code == 0, result.output
    said = [json.loads(line) for line in result.stdout.splitlines()]
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    assert said[:-1] == lines
    assert sorted(p.name for p in out.iterdir()) == [line["file"] for line in lines]
    whole = [c["class"] for line in lines for c in line["cells"] if not c["at_edge"]]
    assert said[-1]["fields"] == 3
    assert said[-1]["cells"] == len(whole) == sum(said[-1]["counts"].values())


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        assert _run("--out", tmp_path / name, "--fields", 1, "--seed", 6, *QUICK).exit_code == 0
    first, second = ((tmp_path / n / "field_000000.jpg").read_bytes() for n in ("a", "b"))
    assert first == second


def test_fields_are_not_laid_among_other_pictures(tmp_path):
    out = tmp_path / "watched"
    assert _run("--out", out, "--fields", 1, *QUICK).exit_code == 0
    (out / "notes.txt").write_text("no picture")
    assert _run("--out", out, "--fields", 1, "--start", 1, *QUICK).exit_code == 0
    (out / "Slide 7.JPG").write_bytes(b"a real one")
    refused = _run("--out", out, "--fields", 1, "--start", 2, *QUICK)
    assert isinstance(refused.exception, SlideError)
    assert "holds other pictures, such as Slide 7.JPG, and nothing was written" in str(refused.exception)
    assert not (out / "field_000002.jpg").exists()
    assert _run("--out", out, "--fields", 1, "--start", 2, "--force", *QUICK).exit_code == 0
    assert (out / "Slide 7.JPG").read_bytes() == b"a real one"


def test_it_ends_at_a_number_of_whole_cells(tmp_path):
    result = _run("--out", tmp_path / "w", "--cells", 3, "--json", *QUICK)
    said = [json.loads(line) for line in result.stdout.splitlines()]
    before_last = sum(not c["at_edge"] for line in said[:-2] for c in line["cells"])
    assert before_last < 3 <= said[-1]["cells"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--um-per-px", "0"),
        ("--um-per-px", "-1"),
        ("--um-per-px", "50"),
        ("--um-per-px", "nan"),
        ("--size", "0x0"),
        ("--size", "large"),
        ("--format", "gif"),
        ("--rate", "-2"),
        ("--fields", "0"),
        ("--cells", "-4"),
        ("--seed", "-1"),
        ("--mix", "blast=3"),
        ("--quality", "0"),
        ("--variation", "nan"),
        ("--route", "random"),
        ("--overlap", "0.3"),
        ("--angle", "3"),
        ("--moved", "2"),
        ("--focus", "-1"),
        ("--stain-drift", "nan"),
        ("--pairs", "0.9"),
        ("--smudges", "-1"),
        ("--precipitate", "nan"),
        ("--blurred", "1.1"),
    ],
)
def test_a_wrong_value_gets_one_line_and_exit_2(tmp_path, option, value):
    result = _run("--out", tmp_path / "w", option, value)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("smearwatch: ")
    assert line.endswith(")")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--overlap", "0.95"), ("--angle", "90"), ("--scale-drift", "nan"), ("--revisits", "-0.1")],
)
def test_a_hand_beyond_its_limits_gets_one_line_and_exit_2(tmp_path, option, value):
    result = _run("--out", tmp_path / "w", "--route", "freehand", option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert value in line


def test_a_hand_s_way_is_written_with_its_truth(tmp_path):
    hand = ["--route", "freehand", "--overlap", 0.5, "--angle", 8, "--scale-drift", 0.03, "--revisits", 0.3]
    spoiled = ["--moved", 0.5, "--focus", 0.1, "--stain-drift", 0.3]
    result = _run("--out", tmp_path / "w", "--fields", 12, "--json", *hand, *spoiled, *QUICK)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()][:-1]
    assert all(0.97 <= line["scale"] <= 1.03 and abs(line["angle_deg"]) <= 8 for line in lines)
    assert {line["um_per_px"] for line in lines} == {0.12}
    assert {line["moved"] for line in lines} == {True, False}
    assert all(line["moved"] == (line["moved_um"] != [0.0, 0.0]) for line in lines)
    assert any(line["revisit_of"] is not None for line in lines)
    assert lines[1]["follows"] == 0
    assert all(len(cell["place_um"]) == 2 for line in lines for cell in line["cells"])


def test_a_hard_slide_is_littered_and_single_wishes_go_before(tmp_path):
    big = ["--size", "1000x700", "--um-per-px", "0.12", "--rate", "0", "--fields", 4, "--json"]
    lines = {}
    for name, more in {"hard": [], "clean": ["--precipitate", 0, "--giants", 0, "--clumps", 0]}.items():
        result = _run("--out", tmp_path / name, "--hard", "--smudges", 300, *more, *big)
        assert result.exit_code == 0, result.output
        lines[name] = [json.loads(line) for line in result.stdout.splitlines()][:-1]
    kinds = {name: {thing["kind"] for line in said for thing in line["others"]} for name, said in lines.items()}
    assert {"smudge", "precipitate", "giant_platelet"} <= kinds["hard"]
    assert "smudge" in kinds["clean"]
    assert kinds["clean"] <= {"smudge", "erythroblast"}
    thing = lines["hard"][0]["others"][0]
    assert set(thing) == {"name", "kind", "centre", "box", "at_edge", "place_um"}


def test_a_cell_that_several_fields_show_is_counted_once(tmp_path):
    hand = ["--route", "freehand", "--overlap", 0.9, "--size", "900x600", "--um-per-px", 0.12, "--rate", 0]
    result = _run("--out", tmp_path / "w", "--fields", 10, "--json", *hand)
    *lines, summary = [json.loads(line) for line in result.stdout.splitlines()]
    whole = [(cell["name"], cell["class"]) for line in lines for cell in line["cells"] if not cell["at_edge"]]
    assert summary["sightings"] == len(whole)
    assert summary["cells"] == len(set(whole)) == sum(summary["counts"].values())
    assert summary["cells"] < summary["sightings"]


def test_a_folder_that_is_a_file_says_so_and_how_to_mend_it(tmp_path):
    (tmp_path / "w").write_text("no folder")
    result = _run("--out", tmp_path / "w", "--fields", 1, *QUICK)
    assert isinstance(result.exception, SlideError)
    assert str(tmp_path / "w") in str(result.exception)
    assert result.exception.hint


def test_nothing_that_is_there_is_written_over_unasked(tmp_path):
    out, truth = tmp_path / "watched", tmp_path / "truth.jsonl"
    wanted = ("--out", out, "--fields", 2, *QUICK)
    assert _run(*wanted, "--truth", truth).exit_code == 0
    before = {path: path.read_bytes() for path in (truth, *out.iterdir())}
    assert _run(*wanted).exit_code == 0  # the same pictures
    other = _run(*wanted, "--seed", 2)
    assert isinstance(other.exception, SlideError)
    assert "field_000000.jpg exists already" in str(other.exception)
    again = _run(*wanted, "--truth", truth)
    assert "truth.jsonl exists already" in str(again.exception)
    assert {path: path.read_bytes() for path in (truth, *out.iterdir())} == before
    assert _run(*wanted, "--truth", truth, "--seed", 2, "--force").exit_code == 0
    assert all(path.read_bytes() != content for path, content in before.items())


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "w").mkdir()
    thesis = tmp_path / "thesis"
    thesis.write_text("mine")
    wanted = ("--out", tmp_path / "w", "--fields", 1, *QUICK)
    for name, options in (("field_000000.jpg", ("--force",)), (".field_000000.jpg.part", ("--rename", "--force"))):
        link = tmp_path / "w" / name
        link.symlink_to(thesis)
        assert _run(*wanted, *options).exit_code == 0
        assert thesis.read_text() == "mine"
        link.unlink(missing_ok=True)
    (tmp_path / "w" / "field_000000.jpg").unlink(missing_ok=True)
    (tmp_path / "w" / "field_000000.jpg").symlink_to(tmp_path / "away")
    assert isinstance(_run(*wanted).exception, SlideError)
    assert not (tmp_path / "away").exists()
