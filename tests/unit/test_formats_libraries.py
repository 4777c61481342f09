"""What C libraries would write of a picture reaches no log; what others write at the same time does."""

import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smearwatch.capture.formats.libraries import withheld_lines


def png(**more):
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "png", **more)
    return content.getvalue()


def broken_png():
    whole = bytearray(png())
    whole[len(whole) // 2] ^= 0xFF
    return bytes(whole)


def jpeg_with_junk():
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    return whole[:-2] + bytes(300) + whole[-2:]


PICTURES = {
    "profile.png": lambda: png(icc_profile=b"no profile" * 20),
    "broken.png": broken_png,
    "junk.jpg": jpeg_with_junk,
}
DECODE = """
import sys
from pathlib import Path
from smearwatch.capture.formats.decode import decode, decode_whole
from smearwatch.capture.formats.unusable import FrameUnusable
for one in (decode, decode_whole):
    try:
        one(Path(sys.argv[1]).read_bytes())
    except FrameUnusable:
        pass
"""


@pytest.mark.parametrize("name", PICTURES)
def test_no_line_of_a_library_is_written(tmp_path, name):
    (tmp_path / name).write_bytes(PICTURES[name]())
    bare = "import cv2, sys; cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED)"
    said = {}
    for code in (bare, DECODE):
        command = [sys.executable, "-c", code, str(tmp_path / name)]
        said[code] = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stderr
    assert said[bare], "the library writes nothing of it any more: choose another picture"
    assert said[DECODE] == ""


@pytest.mark.parametrize(
    "arguments",
    [("segment", "FILE", "--um-per-px", "0.09"), ("calibrate", "--micrometer", "FILE", "--length-um", "10")],
)
def test_a_command_says_its_own_lines_alone(tmp_path, arguments):
    (tmp_path / "profile.png").write_bytes(png(icc_profile=b"no profile" * 20))
    command = [str(tmp_path / "profile.png") if each == "FILE" else each for each in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "smearwatch.daemon.cli", *command],
        env={**os.environ, "SMEARWATCH_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "libpng" not in done.stderr
    assert all(line.startswith("smearwatch: ") for line in done.stderr.splitlines())


def test_what_others_write_meanwhile_comes_all_the_same(capfd):
    with withheld_lines():
        with withheld_lines():
            os.write(2, b"libpng warning: iCCP: too short\n")
        print("a line of ours", file=sys.stderr, flush=True)
        os.write(2, b"Corrupt JPEG data: 296 extraneous bytes before marker 0xd9\nhalf a line")
    os.write(2, b", and its end\n")
    assert capfd.readouterr().err == "a line of ours\nhalf a line, and its end\n"


def test_without_files_to_open_nothing_is_withheld_and_nothing_fails(capfd, monkeypatch):
    def none_left(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", none_left)
    with withheld_lines():
        os.write(2, b"libpng warning: iCCP: too short\n")
    assert "libpng" in capfd.readouterr().err
    assert Path("/proc/self/fd/2").exists()
