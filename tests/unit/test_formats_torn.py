"""A picture that is two, one above the other, is damaged; lines and bars with writing in it are not."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.formats.decode import decode, decode_whole
from smearwatch.capture.formats.torn import flaw_of_seam
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.slide.slide import Slide

FROM_MIDDLE = np.hypot(*np.meshgrid(np.arange(640) - 320, np.arange(480) - 240))


@pytest.fixture(scope="module")
def fields():
    """Fields of a drawn slide, with the noise of a camera."""
    slide, made = Slide(5, um_per_px=0.12, width_px=640, height_px=480), np.random.default_rng(3)
    fields = [slide.field(index).bgr for index in range(4)]
    return [np.clip(bgr + made.normal(0, 2.0, bgr.shape), 0, 255).astype(np.uint8) for bgr in fields]


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("row", [97, 240, 400])
def test_two_fields_and_one_that_is_moved_aside_from_a_row_on(fields, row, kind):
    two, moved = fields[0].copy(), fields[1].copy()
    two[row:] = fields[2][row:]
    moved[row:] = np.roll(moved[row:], 200, axis=1)
    for torn in (two, moved):
        data = cv2.imencode(kind, torn)[1].tobytes()
        assert decode(data).shape == torn.shape
        with pytest.raises(FrameUnusable) as refused:
            decode_whole(data)
        assert refused.value.reason == "damaged"
        assert f"from row {row + 1} of 480" in refused.value.detail


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("aside", [8, 12, 16, 40])
def test_little_is_enough_to_be_seen_in_rows_and_columns(fields, aside, kind):
    moved = fields[1].copy()
    moved[240:] = np.roll(moved[240:], aside, axis=1)
    moved = moved[:, 50:]  # where it went round
    for torn, said in ((moved, "from row 241 of 480"), (moved.transpose(1, 0, 2), "from column 241 of 480")):
        with pytest.raises(FrameUnusable) as refused:
            decode_whole(cv2.imencode(kind, torn)[1].tobytes())
        assert said in refused.value.detail


def test_a_part_that_is_there_twice_and_a_band_of_another_field(fields):
    twice, band = fields[0].copy(), fields[1].copy()
    twice[240:] = twice[:240]
    band[150:300] = fields[2][150:300]
    assert flaw_of_seam(twice) == "from row 241 of 480 on it is another picture"
    assert flaw_of_seam(band) in {f"from row {row} of 480 on it is another picture" for row in (151, 301)}


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (0, 0, 255)])
def test_writing_in_a_picture_and_a_sensor_of_two_halves_are_none(fields, colour):
    written = fields[0].copy()
    cv2.putText(written, "2026-11-30 12:00:01 100x", (20, 200), 0, 1.4, colour, 3)
    halves = np.clip(fields[1].astype(int) + (np.arange(480) // 240 * 12)[:, None, None], 0, 255).astype(np.uint8)
    plate = fields[2].copy()
    plate[:60] = (plate[:60] * 0.6 + 80).astype(np.uint8)
    assert [flaw_of_seam(whole) for whole in (written, halves, plate)] == [None] * 3


def with_bar(bgr, colour):
    made = bgr.copy()
    made[-60:] = colour
    cv2.putText(made, "100x oil  20 um  2026-11-30 10:12  lab 7", (5, 455), 0, 0.8, (30, 30, 30), 2)
    return made


def with_lines(bgr, thickness, colour):
    made = bgr.copy()
    for at in range(60, 480, 120):
        made[at : at + thickness] = colour
        made[:, at : at + thickness] = colour
    return made


def test_whole_pictures_with_bars_lines_and_strong_compression(fields):
    wholes = list(fields)
    wholes += [with_bar(fields[0], colour) for colour in (0, 128, 200, 235, 255)]
    wholes += [with_lines(fields[1], thickness, colour) for thickness in (1, 2, 8) for colour in (0, 160, 255)]
    wholes += [np.asarray(cv2.imdecode(cv2.imencode(".jpg", fields[2], [1, 10])[1], 1))]
    wholes += [np.full((480, 640, 3), 200, np.uint8), fields[3][:60]]
    assert [flaw_of_seam(whole) for whole in wholes] == [None] * len(wholes)


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("moved", [False, True])
def test_a_corner_of_another_field_or_moved_aside(fields, moved, kind):
    torn = fields[0].copy()
    other = np.roll(fields[0], 48, axis=1) if moved else fields[2]
    torn[200:, 260:] = other[200:, 260:]
    for turned in (torn, torn[::-1, ::-1], torn.transpose(1, 0, 2)):
        with pytest.raises(FrameUnusable) as refused:
            decode_whole(cv2.imencode(kind, np.ascontiguousarray(turned))[1].tobytes())
        assert refused.value.reason == "damaged"
        assert "another picture" in refused.value.detail


@pytest.mark.parametrize("wide", [16, 40])
def test_two_frames_in_stripes(fields, wide):
    for first, second in ((fields[0], fields[2]), (fields[0].transpose(1, 0, 2), fields[2].transpose(1, 0, 2))):
        mixed = first.copy()
        for at in range(wide, mixed.shape[1], 2 * wide):
            mixed[:, at : at + wide] = second[:, at : at + wide]
        flaw = flaw_of_seam(mixed)
        assert flaw is not None
        assert "another picture" in flaw


def test_rows_that_are_there_twice(fields):
    noise = np.random.default_rng(4).normal(0, 2.0, (480, 640, 3))
    twice = np.clip(cv2.GaussianBlur(fields[1], (0, 0), 12) + noise, 0, 255).astype(np.uint8)
    assert flaw_of_seam(twice) is None
    twice[300:312] = twice[288:300]
    assert flaw_of_seam(twice) == "rows 301 to 312 of 480 are there twice"
    for scale in (2, 3, 4):  # enlarged, each row is there so often, one below the other
        assert flaw_of_seam(np.repeat(np.repeat(fields[3][:160, :200], scale, axis=0), scale, axis=1)) is None


def test_plates_shades_rulers_and_boxes_in_a_part_are_none(fields):
    shade, ruler, boxed, bubble = (fields[index].copy() for index in range(4))
    shade[300:, 400:] //= 2
    cv2.line(ruler, (160, 240), (480, 240), (20, 20, 20), 3)
    for x in range(160, 480, 20):
        cv2.line(ruler, (x, 232), (x, 248), (20, 20, 20), 1)
    cv2.rectangle(boxed, (100, 100), (400, 300), (0, 255, 0), 4)
    bubble = np.where((FROM_MIDDLE < 120)[..., None], cv2.GaussianBlur(bubble, (0, 0), 5), bubble)
    wholes = (shade, ruler, boxed, bubble)
    wholes += tuple(np.asarray(cv2.imdecode(cv2.imencode(".jpg", each, [1, 80])[1], 1)) for each in wholes)
    assert [flaw_of_seam(whole) for whole in wholes] == [None] * 8
