"""The thread that reads a camera: of a live one only the newest picture is kept, of a file each is handed over."""

import threading
import time
from collections.abc import Callable

from smearwatch.capture.camera.address import CameraUnusable
from smearwatch.capture.camera.opencv_stream import Grab, Stream

# Scanning more often would cost computing time and show nothing more of a stage that a hand moves.
_SCAN_EVERY_S = 0.08


class Reader:
    """Opens a stream and reads it in a thread of its own, which may hang without harm to anybody else.

    Parameters
    ----------
    open_stream : callable
        Opens it; called in the thread.
    every : bool
        Wait until each picture is taken, at the pace of its place in the file; otherwise a newer picture replaces
        one that was not taken, and no more than `_SCAN_EVERY_S` asks for are decoded.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, open_stream: Callable[[], Stream], *, every: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open = open_stream
        self._every = every
        self._clock = clock
        self._changed = threading.Condition()
        self._newest: Grab | None = None
        self._stopped = False
        self._ended = False
        self.read = 0
        self.passed_over = 0
        self.damaged = 0
        self.announced = 0
        self.unusable: CameraUnusable | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="camera-reader")
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether no further picture will come: the stream has ended, and the last one was taken."""
        with self._changed:
            return self._ended and self._newest is None

    @property
    def alive(self) -> bool:
        """Whether the thread still runs; one that hangs does."""
        return self._thread.is_alive()

    def take(self, timeout_s: float) -> Grab | None:
        """Return the newest picture, each once; waits for it at most so long, and not for one that cannot come."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout_s)
            grab, self._newest = self._newest, None
            self._changed.notify_all()
            return grab

    def stop(self, join_s: float = 0.0) -> None:
        """Ask the thread to end, and wait so long for it; one that hangs ends when its read returns."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(join_s)

    def _run(self) -> None:
        try:
            stream = self._open()
            self.announced = stream.announced
            try:
                self._read(stream)
            finally:
                stream.close()
        except CameraUnusable as unusable:
            self.unusable = unusable
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read(self, stream: Stream) -> None:
        began_s: float | None = None
        next_s = self._clock()
        while not self._stopped and stream.grab():
            self.read += 1
            if not self._every and self._clock() < next_s:
                self.passed_over += 1
                continue
            next_s = self._clock() + _SCAN_EVERY_S
            if (grab := stream.picture()) is None:
                self.damaged += 1
                continue
            if self._every:
                began_s = self._clock() - grab.at_s if began_s is None else began_s
                self._wait_until(began_s + grab.at_s)
            self._hand_over(grab)

    def _wait_until(self, due_s: float) -> None:
        with self._changed:
            while not self._stopped and (left_s := due_s - self._clock()) > 0.0:
                self._changed.wait(left_s)

    def _hand_over(self, grab: Grab) -> None:
        with self._changed:
            if self._every:
                self._changed.wait_for(lambda: self._newest is None or self._stopped)
            self.passed_over += self._newest is not None
            self._newest = grab
            self._changed.notify_all()
