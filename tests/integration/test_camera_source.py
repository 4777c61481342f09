"""A camera as a source: real video files, a real MJPEG stream that hangs, ends and comes back."""

import os
import re
import socket
import time

import cv2
import numpy as np
import pytest

from smearwatch.capture.camera.address import CameraUnusable, camera_address
from smearwatch.capture.sources.base import LineNotDrawn
from smearwatch.capture.sources.camera import CameraSource
from smearwatch.daemon.config import Settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.plan import RunPlan
from tests.stage import MjpegCamera, film, view, wait_for, way

pytestmark = pytest.mark.integration

A, B, C, D = (40.0, 40.0), (500.0, 60.0), (900.0, 300.0), (100.0, 400.0)


class Looking:
    """A source on a real camera, polled as its delivery polls it."""

    def __init__(self, camera, **settings):
        values = {"camera_stall_s": 3.0, **settings}
        plan = RunPlan(settings=Settings(**values), session="t", source="camera", source_options={"camera": camera})
        self.source = CameraSource(camera_address(camera), plan)
        self.got = []

    def __enter__(self):
        self.source.__enter__()
        return self

    def __exit__(self, *_):
        self.source.__exit__()

    def poll(self, acknowledge=True):
        for frame in self.source.ready(4):
            self.got.append(frame)
            if acknowledge:
                self.source.taken(frame, known=False)
        return self.got

    def until(self, count):
        wait_for(lambda: len(self.poll()) >= count)
        return self.got

    def until_finished(self, acknowledge=True):
        wait_for(lambda: (self.poll(acknowledge), self.source.state().finished)[1])
        return self.got

    @property
    def counters(self):
        return self.source.state().counters


def picture(frame):
    return cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_COLOR)


def place_of(frame, places):
    """Which of some places a frame shows: that whose view it differs least from."""
    shown = picture(frame).astype(float)
    return min(places, key=lambda place: np.abs(shown - view(*place, noise=0.0)).mean())


def test_a_film_gives_each_field_once_and_ends(tmp_path):
    path = film(tmp_path / "film.avi", way(A, B, C, A))
    before_ns = time.time_ns()
    with Looking(str(path)) as looking:
        got = looking.until_finished()
        state = looking.source.state()
    assert [place_of(frame, (A, B, C)) for frame in got] == [A, B, C, A]
    assert all(re.fullmatch(r"camera-\d{8}T\d{6}\.\d{6}Z-\d{6}\.png", frame.name) for frame in got)
    assert [frame.name[-10:-4] for frame in got] == ["000001", "000002", "000003", "000004"]
    times = [frame.captured_at_ns for frame in got]
    assert before_ns <= times[0]
    assert times == sorted(times)
    assert state.waiting == 0
    assert state.scanned
    assert state.counters["camera_frames_read"] == len(way(A, B, C, A))
    assert state.counters["camera_frames_taken"] == 4
    assert state.counters["camera_frames_passed_over"] == state.counters["camera_fields_missed"] == 0


def test_a_film_gives_the_same_pictures_every_time_without_loss_of_a_bit(tmp_path):
    path = film(tmp_path / "film.avi", way(A, B))
    runs = []
    for _ in range(2):
        with Looking(str(path)) as looking:
            runs.append([frame.data for frame in looking.until_finished()])
    assert runs[0] == runs[1]
    reader, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1]), []
    while (packet := reader.read()[1]) is not None:
        frames.append(cv2.imdecode(packet, cv2.IMREAD_COLOR))
    reader.release()
    taken = cv2.imdecode(np.frombuffer(runs[0][0], np.uint8), cv2.IMREAD_COLOR)
    assert taken is not None
    assert sum(np.array_equal(taken, frame) for frame in frames) == 1


def test_a_film_goes_at_its_own_pace(tmp_path):
    path = film(tmp_path / "film.avi", [A] * 16, fps=12.0)
    began_s = time.monotonic()
    with Looking(str(path)) as looking:
        looking.until_finished()
    assert time.monotonic() - began_s >= 15 / 12.0


def test_a_film_waits_for_whoever_does_not_acknowledge(tmp_path):
    stops = [A, B, C, D] * 3
    path = film(tmp_path / "film.avi", way(*stops, rest=6, steps=2), fps=12.0)
    with Looking(str(path)) as looking:
        wait_for(lambda: len(looking.poll(acknowledge=False)) == 8)
        read = wait_for(lambda: looking.counters["camera_frames_read"])
        time.sleep(0.5)
        looking.poll(acknowledge=False)
        assert len(looking.got) == 8  # no more are held than may be
        assert looking.counters["camera_frames_read"] <= read + 8
        for frame in looking.got:
            looking.source.taken(frame, known=False)
        looking.until_finished()
        assert looking.counters["camera_fields_missed"] == 0
    assert [place_of(frame, (A, B, C, D)) for frame in looking.got] == stops


def test_a_live_stage_gives_each_field_once(capfd):
    with MjpegCamera() as camera, Looking(camera.url) as looking:
        camera.show(*A)
        looking.until(1)
        camera.show(*B)
        looking.until(2)
        read = looking.counters["camera_frames_read"]
        wait_for(lambda: looking.counters["camera_frames_read"] > read + 25)  # a second later it is still the same
        assert len(looking.poll()) == 2
        counters = looking.counters
    assert [place_of(frame, (A, B)) for frame in looking.got] == [A, B]
    assert counters["camera_opened"] == 1
    assert counters["camera_frames_passed_over"] > 0
    assert abs(looking.got[1].captured_at_ns - time.time_ns()) < 60e9
    assert "camera delivers small pictures" in capfd.readouterr().out


def test_a_camera_that_is_switched_off_and_on_again_goes_on(capfd):
    with MjpegCamera() as camera, Looking(camera.url) as looking:
        camera.show(*A)
        looking.until(1)
        camera.switch_off()
        wait_for(lambda: looking.counters["camera_lost"] == 1)
        time.sleep(1.2)  # a few attempts fail meanwhile
        camera.show(*B)
        camera.switch_on()
        looking.until(2)
        camera.switch_off()
        wait_for(lambda: looking.counters["camera_lost"] == 2)
        camera.switch_on()
        wait_for(lambda: looking.counters["camera_opened"] == 3)
        read = looking.counters["camera_frames_read"]
        wait_for(lambda: looking.counters["camera_frames_read"] > read + 25)
        assert len(looking.poll()) == 2  # it rests where it rested
    assert [place_of(frame, (A, B)) for frame in looking.got] == [A, B]
    told = capfd.readouterr()
    assert told.out.count("camera lost") == 2
    assert told.out.count("camera is back") == 2
    assert told.err == ""  # the libraries below say nothing of their own


def test_a_camera_that_hangs_is_lost_and_found():
    with MjpegCamera() as camera, Looking(camera.url, camera_stall_s=0.5) as looking:
        camera.show(*A)
        looking.until(1)
        lost = looking.counters["camera_lost"]
        camera.hangs.set()
        wait_for(lambda: looking.counters["camera_lost"] > lost)
        camera.show(*B)
        camera.hangs.clear()
        looking.until(2)
        assert camera.connections >= 2


def test_a_field_without_room_is_taken_late_or_counted_as_missed():
    stops = [A, B, C, D]
    with MjpegCamera() as camera, Looking(camera.url) as looking:
        for number in range(8):
            camera.show(*stops[number % 4])
            wait_for(lambda number=number: len(looking.poll(acknowledge=False)) == number + 1)
        camera.show(*A)
        read = looking.counters["camera_frames_read"]
        wait_for(lambda: looking.counters["camera_frames_read"] > read + 25)
        assert len(looking.poll(acknowledge=False)) == 8
        camera.show(*B)
        wait_for(lambda: looking.counters["camera_fields_missed"] == 1)
        for frame in looking.got:
            looking.source.taken(frame, known=False)
        looking.until(9)
    assert place_of(looking.got[-1], stops) == B


def test_a_film_that_is_cut_off_says_so(tmp_path, capfd):
    whole = film(tmp_path / "whole.avi", way(A, B))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    with Looking(str(cut)) as looking:
        looking.until_finished()
        read = looking.counters["camera_frames_read"]
    assert 10 < read < len(way(A, B))
    told = capfd.readouterr()
    assert "video ends early" in told.out
    assert f"announced={len(way(A, B))}" in told.out
    assert told.err == ""


def test_too_large_a_picture_is_refused_and_counted(tmp_path):
    path = film(tmp_path / "film.avi", [A] * 10)
    with Looking(str(path), max_frame_bytes=2048) as looking:
        frame = looking.until_finished()[0]
    assert frame.data is None
    assert frame.refusal[0] == "file_too_large"


def _closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ("97", "camera /dev/video97 does not exist"),
        ("{tmp}/none.avi", "none.avi does not exist"),
        ("{tmp}", "neither a device nor a file (for a folder use --watch)"),
        ("{tmp}/notes.avi", "is no video that can be read"),
        ("{tmp}/empty.avi", "holds no picture"),
        ("/dev/null", "/dev/null cannot be opened"),
        ("ftp://host/film", "is no stream that can be read (use http,"),
        ("http://me:secret@127.0.0.1:{closed}/stream", "http://***@127.0.0.1:{closed}/stream cannot be reached"),
        ("rtsp://127.0.0.1:{closed}/stream", "cannot be reached: connection refused"),
        ("http://127.0.0.1:{port}/other", "answers, but sends no video"),
        ("http://127.0.0.1:99999/stream", "no usable port"),
    ],
)
def test_a_camera_that_is_not_there_is_one_line(tmp_path, capfd, camera, says):
    (tmp_path / "notes.avi").write_text("these are notes\n" * 99)
    film(tmp_path / "empty.avi", [])
    with MjpegCamera() as network:
        names = {"tmp": tmp_path, "closed": _closed_port(), "port": network.port}
        with pytest.raises(CameraUnusable) as caught, Looking(camera.format(**names)) as looking:
            looking.until(1)
    line = one_line(caught.value) or ""
    assert says.format(**names) in line
    assert "secret" not in line
    assert "\n" not in line
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_film_that_may_not_be_read_is_one_line(tmp_path):
    path = film(tmp_path / "film.avi", [A] * 3)
    path.chmod(0)
    with pytest.raises(CameraUnusable, match="may not be read"):
        camera_address(str(path))


def test_paused_a_film_waits_at_its_place(tmp_path):
    path = film(tmp_path / "film.avi", way(A, B, C))
    with Looking(str(path)) as looking:
        looking.until(1)
        looking.source.pause(True)
        time.sleep(1.0)
        held = len(looking.poll())
        time.sleep(1.0)
        assert len(looking.poll()) == held
        looking.source.pause(False)
        got = looking.until_finished()
    assert [place_of(frame, (A, B, C)) for frame in got] == [A, B, C]


def test_after_the_line_to_the_next_specimen_no_picture_is_taken_until_there_is_none(tmp_path):
    with MjpegCamera() as camera, Looking(camera.url) as looking:
        camera.show(*A)
        wait_for(lambda: looking.source.state().waiting == 1)
        (held,) = looking.source.draw_line()
        camera.show(*B)
        read = looking.counters["camera_frames_read"]
        wait_for(lambda: looking.counters["camera_frames_read"] > read + 25)
        (taken,) = looking.poll()
        assert (held.name, held.size_bytes, place_of(taken, (A, B))) == (taken.name, taken.size_bytes, A)
        looking.source.hold_line(None)
        assert place_of(looking.until(2)[1], (A, B)) == B
    path = film(tmp_path / "film.avi", way(A, B))
    with Looking(str(path)) as looking, pytest.raises(LineNotDrawn, match="a video file is one specimen"):
        looking.source.draw_line()


def _spoilt(film_path, spoilt):
    """Spoil some pictures of an MJPEG film: zeros, junk, an end too early, by turns; each stays as long as it was."""
    data = bytearray(film_path.read_bytes())
    starts = [each.start() + 8 for each in re.finditer(rb"00dc....\xff\xd8", bytes(data), re.DOTALL)]
    junk = np.random.default_rng(1).integers(0, 255, 400, np.uint8).tobytes()
    for number, index in enumerate(spoilt):
        start = starts[index]
        end = start + int.from_bytes(data[start - 4 : start], "little")
        middle = (start + end) // 2
        filling = [bytes(400), junk, b"\xff\xd9" + bytes(end - middle - 2)][number % 3]
        data[middle : middle + len(filling)] = filling
    film_path.write_bytes(data)


def test_damaged_pictures_of_a_stream_are_counted_and_none_is_taken(tmp_path):
    places = [A] * 45 + [B] * 45
    path = film(tmp_path / "film.avi", places)
    spoilt = sorted(np.random.default_rng(2).choice(90, 40, replace=False).tolist())
    _spoilt(path, spoilt)
    with Looking(str(path)) as looking:
        frames = looking.until_finished()
        counters = looking.counters
    assert (counters["camera_frames_read"], counters["camera_frames_damaged"]) == (90, 40)
    assert [place_of(each, (A, B)) for each in frames] == [A, B]
    for frame, place in zip(frames, (A, B), strict=True):
        assert np.abs(picture(frame).astype(float) - view(*place, noise=0.0)).mean() < 8
