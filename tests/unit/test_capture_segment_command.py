"""`smearwatch segment`: one JSON object a picture, one line a mistake."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from smearwatch.capture.commands.segment import app
from smearwatch.capture.formats.decode import decode
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.overlay import choose_bar_um
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.scale_rule import ScaleUnusable


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    file = tmp_path_factory.mktemp("fields") / "field.png"
    cv2.imwrite(str(file), Slide(7, um_per_px=0.1, width_px=900, height_px=600).field(1).bgr)
    return file


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_field_becomes_one_json_object(field):
    done = _run(field, "--json", "--um-per-px", "0.1")
    assert done.exit_code == 0
    (record,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert record["file"] == str(field)
    assert (record["width"], record["height"]) == (900, 600)
    assert (record["um_per_px"], record["um_per_px_source"]) == (0.1, "configured")
    assert (record["accepted"], record["reason"]) == (True, None)
    assert 0.0 <= record["focus"] <= 1.0
    for cell in record["cells"]:
        assert set(cell) >= {"box", "area_um2", "at_edge", "score"}
        assert len(cell["box"]) == 4


def test_scale_is_estimated_by_default(field):
    record = json.loads(_run(field, "--json").stdout)
    assert record["um_per_px_source"] == "red_cells"
    assert record["um_per_px"] == pytest.approx(0.1, rel=0.12)


def test_a_refused_picture_leaves_no_folders(tmp_path):
    done = _run(tmp_path / "nothing.png", "--masks", tmp_path / "a" / "b", "--overlay", tmp_path / "c")
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_masks_are_written_beside_each_other(field, tmp_path):
    twin = tmp_path / "field.png"
    twin.write_bytes(field.read_bytes())
    folder = tmp_path / "masks" / "new"
    done = _run(field, twin, "--masks", folder, "--json", "--um-per-px", "0.1")
    assert done.exit_code == 0
    names = [json.loads(line)["mask"] for line in done.stdout.splitlines()]
    assert names == [str(folder / "field.png"), str(folder / "field-2.png")]
    mask = decode(Path(names[0]).read_bytes())
    assert mask.shape == (600, 900, 3)
    assert set(np.unique(mask)) <= {0, 128, 255}


def test_overlays_show_what_was_found(field, tmp_path):
    done = _run(field, "--overlay", tmp_path / "looks", "--json", "--um-per-px", "0.1")
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    drawn, plain = decode(Path(record["overlay"]).read_bytes()), decode(field.read_bytes())
    assert drawn.shape == plain.shape
    changed = np.asarray((np.abs(drawn.astype(int) - plain) > 40).any(axis=2))
    for x, y, width, height in (cell["box"] for cell in record["cells"]):
        assert changed[y : y + height, x].mean() > 0.8
        assert changed[y, x : x + width].mean() > 0.8
    # The scale bar: 10 um of the 90 um that are seen.
    dark = (drawn < 60).all(axis=2) & changed
    assert dark[570:, 700:].sum(axis=1).max() == pytest.approx(100, abs=4)


@pytest.mark.parametrize(
    ("width_um", "length_um"), [(90.0, 10.0), (112.6, 20.0), (57.0, 10.0), (14.0, 2.0), (1.0, 0.2), (25.0, 5.0)]
)
def test_a_scale_bar_has_a_round_length(width_um, length_um):
    assert choose_bar_um(width_um) == pytest.approx(length_um)


@pytest.fixture(scope="module")
def scaled(field, tmp_path_factory):
    """The field as a TIFF that states 0.1 um/px."""
    file = tmp_path_factory.mktemp("scaled") / "field.tif"
    rgb = decode(field.read_bytes())[..., ::-1]
    tifffile.imwrite(file, rgb, photometric="rgb", resolution=(1e5, 1e5), resolutionunit="CENTIMETER")
    return file


def test_a_file_that_states_its_scale_is_believed(scaled):
    record = json.loads(_run(scaled, "--json").stdout)
    assert record["um_per_px"] == pytest.approx(0.1)
    assert record["um_per_px_source"] == "metadata"


def test_a_side_file_is_read(field, tmp_path):
    file = tmp_path / "field.tif"
    tifffile.imwrite(file, decode(field.read_bytes())[..., ::-1], photometric="rgb")
    (tmp_path / "field.tif_metadata.xml").write_text(
        "<ImageMetadata><Scaling><Items>"
        '<Distance Id="X"><Value>9.9E-08</Value></Distance><Distance Id="Y"><Value>9.9E-08</Value></Distance>'
        "</Items></Scaling></ImageMetadata>"
    )
    record = json.loads(_run(file, "--json").stdout)
    assert (record["um_per_px"], record["um_per_px_source"]) == (pytest.approx(0.099), "metadata")


@pytest.mark.parametrize(
    ("options", "exit_code", "source", "said"),
    [
        (("--um-per-px", "0.102"), 0, "metadata", ""),
        (("--um-per-px", "0.115"), 0, "metadata", "metadata 0.1 um/px"),
        (("--um-per-px", "0.2"), 1, None, "differ by 100 % (correct the wrong one, or choose the one to trust"),
        (("--um-per-px", "0.115", "--scale-from", "configured"), 0, "configured", "differ by 15 %"),
        (("--scale-from", "red_cells"), 0, "red_cells", ""),
        (("--scale-from", "configured"), 1, None, "no scale from configured"),
        (("--scale-from", "nobody"), 2, None, "give auto, metadata, configured or red_cells"),
    ],
)
def test_claims_about_the_scale_are_weighed(scaled, options, exit_code, source, said):
    done = _run(scaled, "--json", *options)
    assert done.exit_code == exit_code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == (1 if said else 0)
    if exit_code < 2:
        assert json.loads(done.stdout).get("um_per_px_source") == source


def test_red_cells_that_speak_against_the_scale_are_heard(tmp_path):
    slide = Slide(7, um_per_px=0.1, width_px=900, height_px=600)
    files = [tmp_path / f"{n}.png" for n in range(4)]
    for n, file in enumerate(files):
        cv2.imwrite(str(file), slide.field(n).bgr)
    done = _run(*files, "--um-per-px", "0.13")
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"smearwatch: {files[0]}: configured 0.13 um/px (--um-per-px) and red_cells 0.0")
    (line,) = _run(*files, "--um-per-px", "0.114").stderr.splitlines()
    assert line.startswith("smearwatch: configured 0.114 um/px (--um-per-px) and red_cells 0.")
    assert "(3 pictures)" in line, "what is less far off is said of three together"
    assert not _run(*files, "--um-per-px", "0.1").stderr


def test_which_page_was_used_is_said(field, tmp_path):
    file = tmp_path / "pages.tif"
    rgb = decode(field.read_bytes())[..., ::-1]
    with tifffile.TiffWriter(file) as tiff:
        tiff.write(rgb[::4, ::4], photometric="rgb")
        tiff.write(rgb, photometric="rgb")
    done = _run(file, "--json", "--um-per-px", "0.1")
    assert "page 2 of 2" in json.loads(done.stdout)["note"]
    assert "page 2 of 2" in _run(file, "--um-per-px", "0.1").stdout


def test_one_bad_picture_does_not_stop_the_others(field, tmp_path):
    text = tmp_path / "words.jpg"
    text.write_text("no picture")
    for more in ([], ["--json"]):
        done = _run(text, tmp_path / "gone.png", tmp_path, field, *more)
        assert done.exit_code == 1
        errors = done.stderr.splitlines()
        assert len(errors) == 3
        assert all(line.startswith(f"smearwatch: {tmp_path}") and line.endswith(")") for line in errors)
        lines = done.stdout.splitlines()
        assert len(lines) == (4 if more else 1)
        assert str(field) in lines[-1]
    refused = json.loads(lines[0])
    assert refused["file"] == str(text)
    assert (refused["accepted"], refused["reason"]) == (False, "not_an_image")


def test_a_poor_field_is_an_answer(tmp_path):
    file = tmp_path / "glass.png"
    cv2.imwrite(str(file), np.full((300, 400, 3), 190, np.uint8))
    done = _run(file, "--json")
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert (record["accepted"], record["reason"], record["cells"]) == (False, "empty", [])
    assert "not searched: empty" in _run(file).stdout


@pytest.mark.parametrize("scale", ["0", "-1", "1.5", "50", "nan", "inf", "micron"])
def test_an_impossible_scale_is_wrong_usage(field, scale):
    done = _run(field, "--um-per-px", scale)
    assert done.output == ""
    assert isinstance(done.exception, ScaleUnusable)
    said = one_line(done.exception)
    assert said == f"--um-per-px {scale}: no usable scale (give auto or a number from 0.01 to 1)"


def test_a_mask_folder_that_cannot_be_made_is_one_line(field, tmp_path):
    (tmp_path / "taken").write_text("a file")
    done = _run(field, "--masks", tmp_path / "taken")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--masks", "--overlay"])
def test_what_was_painted_by_hand_is_not_written_over(field, tmp_path, option):
    wanted = (field, option, tmp_path, "--json", "--um-per-px", "0.1")
    assert _run(*wanted).exit_code == 0
    (made,) = tmp_path.iterdir()
    assert _run(*wanted).exit_code == 0  # the same again
    made.write_bytes(b"painted by hand")
    refused = _run(*wanted)
    assert refused.exit_code == 1
    assert f"{made.name} exists already" in refused.stderr
    assert "--force" in refused.stderr
    assert made.read_bytes() == b"painted by hand"
    assert _run(*wanted, "--force").exit_code == 0
    assert made.read_bytes() != b"painted by hand"


@pytest.mark.parametrize("option", ["--masks", "--overlay"])
def test_another_result_than_before_is_said_as_it_is_and_what_was_found_is_printed(field, tmp_path, option):
    first = _run(field, option, tmp_path, "--um-per-px", "0.1")
    assert first.exit_code == 0
    (made,) = tmp_path.iterdir()
    made.write_bytes(b"of another scale")
    refused = _run(field, option, tmp_path, "--um-per-px", "0.085")
    assert refused.exit_code == 1
    assert "it differs from what would be written now" in refused.stderr
    assert "did not write" not in refused.stderr
    assert "900x600, 0.085 um/px (configured)" in refused.stdout
    record = json.loads(_run(field, option, tmp_path, "--um-per-px", "0.085", "--json").stdout)
    what = "mask" if option == "--masks" else "overlay"
    assert (record["accepted"], record["reason"], record.get(what)) == (True, f"{what}_not_written", None)


def test_the_picture_itself_is_never_written_over(tmp_path, field):
    own = tmp_path / "field.png"
    own.write_bytes(field.read_bytes())
    refused = _run(own, "--masks", tmp_path, "--force", "--um-per-px", "0.1")
    assert refused.exit_code == 2
    assert "it is a picture to search" in refused.stderr
    assert own.read_bytes() == field.read_bytes()


def test_which_page_was_looked_at_is_said_where_it_is_refused_too(tmp_path):
    pages = [np.random.default_rng(n).normal(120, 20, (400, 500)).clip(0, 255).astype(np.uint8) for n in range(3)]
    with tifffile.TiffWriter(tmp_path / "grey.tif") as file:
        for page in pages:
            file.write(page, photometric="minisblack", metadata=None)
    done = _run(tmp_path / "grey.tif", "--um-per-px", "0.12", "--json")
    record = json.loads(done.stdout)
    assert (record["accepted"], record["note"]) == (False, "page 1 of 3 is used")
    assert _run(tmp_path / "grey.tif", "--um-per-px", "0.12").stdout.endswith(", page 1 of 3 is used\n")


def test_each_picture_has_a_name_of_its_own(field, tmp_path):
    (tmp_path / "b").mkdir()
    names = ["a.png", "b/a.png", "a-2.png"]
    for name in names:
        (tmp_path / name).write_bytes(field.read_bytes())
    out = tmp_path / "masks"
    assert _run(*(tmp_path / name for name in names), "--masks", out, "--um-per-px", "0.1").exit_code == 0
    assert len(list(out.iterdir())) == 3


def test_a_scale_that_one_pictures_red_cells_contradict_is_warned_of(field):
    """By as much as a run would refuse; the picture is named, and what was found is printed."""
    done = _run(field, "--um-per-px", "0.145")
    assert done.exit_code == 0
    assert f"{field}: configured 0.145 um/px (--um-per-px) and red_cells 0." in done.stderr
    assert "(1 picture) differ by" in done.stderr
    assert _run(field, "--um-per-px", "0.1").stderr == ""


def test_a_mask_with_a_number_is_named_beside_its_picture(field, tmp_path):
    twin = tmp_path / "field.png"
    twin.write_bytes(field.read_bytes())
    done = _run(field, twin, "--um-per-px", "0.1", "--masks", tmp_path / "masks")
    first, second = done.stdout.splitlines()
    assert "mask" not in first
    assert second.startswith(f"{twin}: ")
    assert second.endswith(", mask field-2.png")
