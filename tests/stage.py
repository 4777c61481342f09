"""A stage under a camera: views of one simulated smear, as a film or as an MJPEG stream on the loopback."""

import http.server
import itertools
import threading
import time
from functools import cache

import cv2
import numpy as np

from smearwatch.capture.slide.slide import Slide

SIZE = (640, 400)


@cache
def smear():
    """Return a wide stretch of a simulated smear: uint8 [900, 1800, 3]."""
    return Slide(3, um_per_px=0.13, width_px=1800, height_px=900).field(0).bgr


@cache
def grain():
    """Return noise to cut from, for drawing it anew for each picture takes longest of all: float32 [1200, 2000, 3]."""
    return np.random.default_rng(7).standard_normal((1200, 2000, 3), np.float32)


def noise_for(seed, size):
    """Cut noise of its own for each seed."""
    x, y = np.random.default_rng(seed).integers(0, [2000 - size[0], 1200 - size[1]])
    return grain()[y : y + size[1], x : x + size[0]]


def view(x, y, *, seed=0, noise=3.0, gain=1.0, blur=0.0, jpeg=None, size=SIZE, plane=None):
    """Photograph the smear with the picture's corner at a place (pixels, fractions too)."""
    moved = cv2.warpAffine(smear() if plane is None else plane, np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]]), size)
    if blur:
        moved = cv2.GaussianBlur(moved, (0, 0), blur)
    exposed = moved.astype(np.float32) * gain + noise * noise_for(seed, size)
    picture = np.clip(exposed, 0, 255).astype(np.uint8)
    if jpeg is None:
        return picture
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1], cv2.IMREAD_COLOR)


def way(*stops, rest=10, steps=6):
    """Return the places of a stage that rests at each stop and moves between them, one for each picture."""
    places = [stops[0]] * rest
    for before, after in itertools.pairwise(stops):
        for step in range(1, steps):
            share = step / steps
            places.append(tuple(a + (b - a) * share for a, b in zip(before, after, strict=True)))
        places += [after] * rest
    return places


def film(path, places, *, fps=12.0, size=SIZE, **options):
    """Write a film (MJPG in AVI) of the stage going its way."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    for number, (x, y) in enumerate(places):
        writer.write(view(x, y, seed=number, size=size, **options))
    writer.release()
    return path


class MjpegCamera:
    """A network camera on the loopback; may hang, be switched off and on again at the same address."""

    def __init__(self, *, size=SIZE, fps=25.0):
        self._size = size
        self._period_s = 1.0 / fps
        self._pictures = []
        self._off = threading.Event()
        self.hangs = threading.Event()
        self.port = 0
        self.connections = 0
        self.show(0, 0)
        self.switch_on()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/stream"

    def show(self, x, y):
        """Put the stage somewhere, as three pictures with noise of their own."""
        pictures = [view(x, y, seed=seed, size=self._size) for seed in range(3)]
        self._pictures = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]

    def switch_on(self):
        self._off.clear()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path != "/stream":
                    self.send_error(404)
                    return
                camera.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                camera._send(self.wfile)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = False  # so that closing waits for them
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def switch_off(self):
        self._off.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _send(self, to):
        number = 0
        while not self._off.wait(self._period_s):
            if self.hangs.is_set():
                continue
            number += 1
            jpeg = self._pictures[number % len(self._pictures)]
            try:
                to.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
                to.write(jpeg + b"\r\n")
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._off.is_set():
            self.switch_off()


def wait_for(condition, seconds=30.0):
    """Wait until it holds; gives what held."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return value
