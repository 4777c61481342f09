"""The pictures of a stream that sends JPEGs: what is missing in one, and what a camera writes in each."""

import cv2
import numpy as np
from structlog.testing import capture_logs

from smearwatch.capture.camera.jpeg_pictures import JpegPictures
from smearwatch.capture.slide.slide import Slide

FIELD = Slide(5, um_per_px=0.12, width_px=400, height_px=300).field(0).bgr
WHOLE = cv2.imencode(".jpg", FIELD)[1].tobytes()
ODD = WHOLE[:-2] + b"\x12\x34\x56\x78\x9a\xbc\xde" * 3 + WHOLE[-2:]
"""The same pixels, and bytes before its end that no decoder expects."""


def test_a_picture_of_which_a_part_is_missing_is_none(capfd):
    pictures = JpegPictures()
    shown = pictures.decode(np.frombuffer(WHOLE, np.uint8)[None])
    assert shown is not None
    assert np.array_equal(shown, np.asarray(cv2.imdecode(np.frombuffer(WHOLE, np.uint8), cv2.IMREAD_COLOR)))
    cut = WHOLE[: len(WHOLE) // 2] + b"\xff\xd9"
    for _ in range(50):
        assert pictures.decode(np.frombuffer(cut, np.uint8)) is None
        assert pictures.decode(np.frombuffer(ODD, np.uint8)) is None
    assert pictures.decode(np.frombuffer(WHOLE, np.uint8)) is not None
    assert pictures.decode(np.frombuffer(b"no picture at all", np.uint8)) is None
    assert capfd.readouterr().err == ""


def test_what_a_camera_writes_in_every_picture_is_its_habit():
    pictures = JpegPictures()
    with capture_logs() as logs:
        shown = [pictures.decode(np.frombuffer(ODD, np.uint8)) for _ in range(30)]
    assert [each is not None for each in shown] == [False] * 19 + [True] * 11
    assert [entry["event"] for entry in logs] == ["each picture of the camera has a flaw: taken as they are"]
    grey = pictures.decode(cv2.imencode(".jpg", FIELD[..., 1])[1])
    assert grey is not None
    assert grey.shape == (300, 400, 3)


CUT = WHOLE[: len(WHOLE) // 2] + b"\xff\xd9"


def test_a_camera_that_always_cuts_gives_no_picture_and_it_is_said_once():
    pictures = JpegPictures()
    with capture_logs() as logs:
        assert all(pictures.decode(np.frombuffer(CUT, np.uint8)) is None for _ in range(60))
    assert [entry["event"] for entry in logs] == ["each picture of the camera has a part missing: none is taken"]
    assert pictures.decode(np.frombuffer(WHOLE, np.uint8)) is not None


def test_a_camera_that_writes_too_much_has_its_cut_pictures_refused_all_the_same():
    pictures = JpegPictures()
    shown = [pictures.decode(np.frombuffer(ODD, np.uint8)) for _ in range(25)]
    assert shown[-1] is not None
    assert pictures.decode(np.frombuffer(CUT, np.uint8)) is None
    assert pictures.decode(np.frombuffer(ODD, np.uint8)) is not None


def test_a_camera_that_leaves_out_the_usual_tables_is_read():
    data = WHOLE
    while (at := data.find(b"\xff\xc4")) >= 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    pictures = JpegPictures()
    shown, whole = pictures.decode(np.frombuffer(data, np.uint8)), pictures.decode(np.frombuffer(WHOLE, np.uint8))
    assert shown is not None
    assert whole is not None
    assert np.array_equal(shown, whole)
