"""Keep a camera open: notice that it is gone or hangs, log that once, and open it again."""

import time
from collections.abc import Callable
from typing import NamedTuple

from smearwatch.capture.camera.address import CameraAddress, CameraUnusable
from smearwatch.capture.camera.opencv_stream import Grab, Stream
from smearwatch.capture.camera.reader import Reader
from smearwatch.daemon.log import get_logger

_BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
# A thread whose read hangs cannot be ended; while so many of them hang the camera is not opened yet again.
_MOST_HUNG = 3


class Read(NamedTuple):
    """How many pictures were read; how many of them were passed over for a newer one, or damaged."""

    pictures: int
    passed_over: int
    damaged: int


class CameraLink:
    """A camera that comes back.

    Parameters
    ----------
    address : CameraAddress
        Which.
    open_stream : callable
        Opens it; may hang, for it is called in a thread of its own.
    stall_s : float
        A live camera that gives no picture for so long is lost.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    opened, lost, hung : int
        How often it was opened and gave a picture, was lost, and was lost in the middle of a read.
    finished : bool
        Whether a video file is at its end.
    """

    def __init__(
        self,
        address: CameraAddress,
        open_stream: Callable[[], Stream],
        *,
        stall_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._open = open_stream
        # Reads that know their own limit end by it; this is for those that do not.
        self._stall_s = stall_s
        self._patience_s = 2.0 * stall_s + 1.0
        self._clock = clock
        self._past: list[Reader] = []
        self._last_s = 0.0
        self._try_at_s = clock()
        self._tries = 0
        self._seen = False
        self.opened = 0
        self.lost = 0
        self.hung = 0
        self.finished = False
        # What earlier readers read, and the present one: changed together, for another thread asks what was read.
        self._now: tuple[Read, Reader | None] = (Read(0, 0, 0), None)

    @property
    def read(self) -> Read:
        """What was read so far."""
        before, reader = self._now
        if reader is None:
            return before
        return Read(
            before.pictures + reader.read, before.passed_over + reader.passed_over, before.damaged + reader.damaged
        )

    def next(self, timeout_s: float) -> Grab | None:
        """Return the next picture to be scanned, or None where none comes within so long.

        Raises
        ------
        CameraUnusable
            It could not be opened, or gave no picture, from the beginning.
        """
        if self.finished:
            return None
        reader = self._now[1] or self._start(timeout_s)
        if reader is None:
            return None
        grab = reader.take(timeout_s)
        if grab is not None:
            self._note(grab)
        elif reader.done:
            self._ended(reader)
        elif self._address.kind != "file" and self._clock() - self._last_s > self._patience_s:
            self.hung += 1
            self._ended(reader)
        return grab

    def close(self) -> None:
        """Let go of the camera; a read that hangs is left to end by itself."""
        if self._now[1] is not None:
            self._now[1].stop(join_s=1.0)
        for reader in self._past:
            reader.stop()

    def _start(self, timeout_s: float) -> Reader | None:
        self._past = [reader for reader in self._past if reader.alive]
        wait_s = self._try_at_s - self._clock()
        if wait_s > 0.0 or len(self._past) >= _MOST_HUNG:
            time.sleep(min(timeout_s, wait_s) if wait_s > 0.0 else timeout_s)
            return None
        self._last_s = self._clock()
        reader = Reader(self._open, every=self._address.kind == "file", clock=self._clock)
        self._now = (self._now[0], reader)
        return reader

    def _note(self, grab: Grab) -> None:
        self._last_s = self._clock()
        if self._seen:
            return
        self._seen, self._tries = True, 0
        self.opened += 1
        height, width = grab.bgr.shape[:2]
        event = "camera opened" if self.opened == 1 else "camera is back"
        get_logger().info(event, camera=self._address.shown, width=width, height=height)

    def _ended(self, reader: Reader) -> None:
        self._now = (self.read, None)
        reader.stop()
        self._past.append(reader)
        if self.opened == 0:
            raise reader.unusable or self._silent()
        if self._address.kind == "file":
            self.finished = True
            self._report_end(reader)
            return
        if self._seen:
            quiet_s = self._clock() - self._last_s
            why = f"no picture for {quiet_s:.0f} s" if quiet_s >= 0.9 * self._stall_s else "its stream ended"
            get_logger().warning("camera lost, trying again until it is back", camera=self._address.shown, why=why)
            self.lost += 1
        self._seen = False
        self._try_at_s = self._clock() + _BACK_OFF_S[min(self._tries, len(_BACK_OFF_S) - 1)]
        self._tries += 1

    def _report_end(self, reader: Reader) -> None:
        camera, pictures = self._address.shown, reader.read
        # Where the number is only reckoned from length and rate, it may be a little off.
        if pictures < 0.98 * reader.announced - 2:
            announced = reader.announced
            get_logger().warning(
                "video ends early: it is cut off or damaged", camera=camera, pictures=pictures, announced=announced
            )
        else:
            get_logger().info("video ended", camera=camera, pictures=pictures)

    def _silent(self) -> CameraUnusable:
        if self._address.kind == "file":
            return CameraUnusable(f"camera {self._address.shown} holds no picture", "record the video again")
        hint = "close what else uses it, or try another of its devices"
        return CameraUnusable(f"camera {self._address.shown} opens and gives no picture", hint)
