"""One opened camera: the only place that talks to OpenCV's video input, and keeps it quiet."""

import os
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# FFmpeg, behind OpenCV, would write to stderr what is logged here in one line; it reads this when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.camera.address import CameraAddress, CameraUnusable
from smearwatch.capture.camera.jpeg_pictures import JpegPictures
from smearwatch.daemon.config import Settings

_JPEGS = frozenset(cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "mjpg", "jpeg", "JPEG"))
_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935}


@dataclass(frozen=True, slots=True)
class Grab:
    """One picture from a camera.

    Attributes
    ----------
    bgr : ndarray
        uint8 [height, width, 3].
    captured_at_ns : int
        The clock when it was grabbed, nanoseconds since 1970.
    at_s : float
        When that was, monotonic seconds; for a video file the time within the film.
    """

    bgr: Image
    captured_at_ns: int
    at_s: float


class Stream:
    """An opened camera or video file. Used and closed by one thread, for a read may hang.

    Attributes
    ----------
    announced : int
        How many pictures a video file states that it holds; 0 where it states none.
    """

    def __init__(self, capture: Any, address: CameraAddress) -> None:
        self._capture = capture
        self._jpegs = _jpegs_of(capture, address)
        self._file = address.kind == "file"
        self.announced = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) if self._file else 0
        frames_per_s = float(capture.get(cv2.CAP_PROP_FPS))
        self._step_s = 1.0 / frames_per_s if 0.0 < frames_per_s < 1000.0 else 0.04
        self._last_s = -self._step_s
        self._captured_at_ns, self._grabbed_s = 0, 0.0

    def grab(self) -> bool:
        """Wait for the next picture; False when there is none (the end of a file, a camera that is gone)."""
        try:
            grabbed = bool(self._capture.grab())
        except cv2.error:
            return False
        self._captured_at_ns, self._grabbed_s = time.time_ns(), time.monotonic()
        return grabbed

    def picture(self) -> Grab | None:
        """Return the picture that was grabbed; None where it is damaged."""
        try:
            whole, bgr = self._capture.retrieve()
        except cv2.error:
            return None
        if not whole or bgr is None or bgr.dtype != np.uint8:
            return None
        if self._jpegs is not None and (bgr := self._jpegs.decode(bgr)) is None:
            return None
        if bgr.ndim == 2:
            bgr = cv2.cvtColor(bgr, cv2.COLOR_GRAY2BGR)
        at_s = self._position_s() if self._file else self._grabbed_s
        return Grab(np.asarray(bgr, dtype=np.uint8), self._captured_at_ns, at_s)

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()

    def _position_s(self) -> float:
        stated_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
        # A file without usable timestamps goes by its frame rate.
        self._last_s = stated_s if stated_s > self._last_s else self._last_s + self._step_s
        return self._last_s


def _jpegs_of(capture: Any, address: CameraAddress) -> JpegPictures | None:
    """Have FFmpeg hand over pictures as they came, where they are JPEGs; a device's driver hands them over decoded."""
    if address.kind == "device" or int(capture.get(cv2.CAP_PROP_FOURCC)) not in _JPEGS:
        return None
    return JpegPictures() if capture.set(cv2.CAP_PROP_FORMAT, -1) else None


def open_stream(address: CameraAddress, settings: Settings) -> Stream:
    """Open a camera, with what the settings ask of it.

    Parameters
    ----------
    address
        Which.
    settings
        ``camera_size``, ``camera_fourcc``, ``camera_fps`` are asked of devices; ``camera_stall_s`` bounds the waiting
        for network streams.

    Raises
    ------
    CameraUnusable
        It cannot be opened.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    stall_ms = int(settings.camera_stall_s * 1000)
    if address.kind == "device":
        capture = cv2.VideoCapture(address.where, cv2.CAP_V4L2)
    else:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, stall_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, stall_ms]
        capture = cv2.VideoCapture(address.where, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise _unopened(address, settings.camera_stall_s)
    if address.kind == "device":
        _ask(capture, settings)
    return Stream(capture, address)


def _ask(capture: Any, settings: Settings) -> None:
    """Ask a device for what is set; what it does not have it leaves as it was, which its pictures then show."""
    if settings.camera_fourcc is not None:  # first, for sizes and rates depend on it
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.camera_fourcc))
    if settings.camera_size is not None:
        width, height = settings.camera_size.split("x")
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, int(width))
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, int(height))
    if settings.camera_fps is not None:
        capture.set(cv2.CAP_PROP_FPS, settings.camera_fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def _unopened(address: CameraAddress, timeout_s: float) -> CameraUnusable:
    """Return why it cannot be opened, as far as can be found out: OpenCV gives no reason."""
    if address.kind == "file":
        return CameraUnusable(f"camera {address.where} is no video that can be read", "play it, or convert it to AVI")
    if address.kind == "device":
        hint = "close what else uses it; a camera often has a second device without pictures, so try the next number"
        return CameraUnusable(f"camera {address.where} cannot be opened", hint)
    why, hint = "cannot be opened", "check the address in a video player"
    parts = urlsplit(address.where)
    try:
        port = parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        return CameraUnusable(f"camera {address.shown} has no usable port", "correct the address")
    if port is not None and parts.hostname:
        try:
            socket.create_connection((parts.hostname, port), timeout=timeout_s).close()
            why, hint = "answers, but sends no video that can be read", "check path and password in a video player"
        except OSError as error:
            reason = "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
            why, hint = f"cannot be reached: {reason}", "switch it on, or correct the address"
    return CameraUnusable(f"camera {address.shown} {why}", hint)
