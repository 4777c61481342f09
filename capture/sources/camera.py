"""Frames from a camera: taken when the stage rests on a new field, losslessly, each once."""

import contextvars
import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

import cv2

from smearwatch.capture.camera.address import CameraAddress, camera_address
from smearwatch.capture.camera.fields import Fields, Stage
from smearwatch.capture.camera.link import CameraLink
from smearwatch.capture.camera.opencv_stream import Grab, open_stream
from smearwatch.capture.sources.base import (
    LineFile,
    LineNotDrawn,
    Options,
    SourceFrame,
    deliver,
    read_options,
    scale_resolver,
)
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.earlier import follows
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.wire.messages import SourceState

# Pictures held until the hub has them, encoded: some 10 MB each.
_MOST_HELD = 8
_SCAN_S = 0.1
# Below this a leukocyte has too few pixels, unless the field is small.
_SMALL_PX = 1000


class CameraSource:
    """A camera's pictures of fields at rest. Use as a context manager: its thread scans from then on.

    Parameters
    ----------
    address
        The camera.
    plan
        The run; its settings hold how still and how new a field must be.
    pass_first
        The field in view at the beginning is of the specimen before.
    """

    name = "camera"

    def __init__(self, address: CameraAddress, plan: RunPlan, *, pass_first: bool = False) -> None:
        settings = plan.settings
        self._address = address
        self._settings = settings
        self._link = CameraLink(address, lambda: open_stream(address, settings), stall_s=settings.camera_stall_s)
        self._fields = Fields(
            settle_s=settings.camera_settle_s, moved_share=settings.camera_moved_share, pass_first=pass_first
        )
        self._changed = threading.Condition()
        self._held: deque[SourceFrame] = deque()
        self._out = 0
        self._taken = 0
        self._ended = False
        self._paused = False
        self._line = False
        self._scanning = threading.Lock()
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._size: tuple[int, int] | None = None
        # In a copy of this thread's context, so that it logs under the same role.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._watch,), daemon=True, name="camera-watch")

    def __enter__(self) -> "CameraSource":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(5.0)

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return pictures that were taken; see `Source`."""
        if self._failure is not None:
            raise self._failure
        with self._changed:
            frames = [self._held.popleft() for _ in range(min(most, len(self._held)))]
            self._out += len(frames)
            return frames

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Make room for the next picture."""
        with self._changed:
            self._out -= 1
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Take no pictures while paused; a file waits at its place."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def draw_line(self) -> list[LineFile]:
        """Return the pictures that are held; what is seen from now on is of the next specimen."""
        if self._address.kind == "file":
            raise LineNotDrawn("a video file is one specimen")
        with self._scanning, self._changed:  # a picture that is being looked at is of this one still
            self._line = True
            return [LineFile(frame.name, frame.size_bytes, frame.captured_at_ns) for frame in self._held]

    def hold_line(self, files: Sequence[LineFile] | None) -> None:
        """Take no pictures where a line was drawn before; what was held then is gone with the process."""
        with self._scanning:
            self._line = files is not None

    def state(self) -> SourceState:
        """Return how many pictures are held, and what became of all that were read."""
        link, fields, read = self._link, self._fields, self._link.read
        counters = {
            "camera_opened": link.opened,
            "camera_lost": link.lost,
            "camera_reads_hung": link.hung,
            "camera_frames_read": read.pictures,
            "camera_frames_passed_over": read.passed_over,
            "camera_frames_damaged": read.damaged,
            "camera_frames_taken": self._taken,
            "camera_same_field": fields.same_field,
            "camera_refocused": fields.refocused,
            "camera_fields_missed": fields.missed,
            **({"camera_field_of_the_slide_before": 1} if fields.passed else {}),
        }
        with self._changed:
            ended = self._ended and not self._held
            return SourceState(len(self._held), link.opened > 0 or self._line, ended, counters)

    def _watch(self) -> None:
        try:
            while not self._stop.is_set() and not self._link.finished:
                self._hold_a_file()
                grab = self._link.next(_SCAN_S)
                with self._scanning:
                    if grab is not None and not self._paused and not self._line:
                        self._scan(grab)
        except Exception as error:  # noqa: BLE001  # raised again in the role's own thread, by `ready`
            self._failure = error
        finally:
            self._link.close()
            with self._changed:
                self._ended = self._link.finished

    def _scan(self, grab: Grab) -> None:
        self._check_size(grab)
        missed = self._fields.missed
        stage = self._fields.see(grab.bgr, grab.at_s)
        if self._fields.missed > missed:
            why = f"{_MOST_HELD} pictures wait to be stored already"
            get_logger().warning("new field missed", why=why, missed=self._fields.missed)
        if stage is not Stage.ON_NEW:
            return
        if not self._room():
            return  # a live stage may still be there when there is room; if it is not, the field counts as missed
        frame = self._encode(grab)
        self._fields.take()
        with self._changed:
            self._taken += 1
            self._held.append(frame)

    def _hold_a_file(self) -> None:
        if self._paused and self._address.kind == "file":
            with self._changed:
                self._changed.wait_for(lambda: not self._paused or self._stop.is_set())

    def _room(self) -> bool:
        """Return whether one more picture may be held; a file is made to wait for it."""
        with self._changed:
            if self._address.kind == "file":
                self._changed.wait_for(lambda: self._has_room or self._stop.is_set())
            return self._has_room

    @property
    def _has_room(self) -> bool:
        return len(self._held) + self._out < _MOST_HELD

    def _encode(self, grab: Grab) -> SourceFrame:
        # OpenCV's own choice of level and strategy is its fastest; naming a level would take it twice as long.
        data = cv2.imencode(".png", grab.bgr)[1].tobytes()
        at = datetime.fromtimestamp(grab.captured_at_ns / 1e9, UTC)
        name = f"camera-{at:%Y%m%dT%H%M%S.%f}Z-{self._taken + 1:06d}.png"
        limit = self._settings.max_frame_bytes
        if len(data) > limit:
            refusal = ("file_too_large", f"{len(data)} bytes, at most {limit}")
            return SourceFrame(name, None, grab.captured_at_ns, refusal=refusal, size_bytes=len(data))
        return SourceFrame(name, data, grab.captured_at_ns, size_bytes=len(data))

    def _check_size(self, grab: Grab) -> None:
        """Warn once of each size that is not as it should be."""
        height, width = grab.bgr.shape[:2]
        if self._size == (width, height):
            return
        self._size = (width, height)
        asked = self._settings.camera_size
        if asked is not None and self._address.kind == "device" and asked != f"{width}x{height}":
            hint = "ask for a size that it has: v4l2-ctl --list-formats-ext"
            get_logger().warning("camera delivers another size", asked=asked, given=f"{width}x{height}", hint=hint)
        if max(width, height) < _SMALL_PX:
            device = self._address.kind == "device"
            hint = 'set camera_size, like "1920x1080"' if device else "let it send larger ones"
            get_logger().warning("camera delivers small pictures", given=f"{width}x{height}", hint=hint)


class CameraOptions(Options):
    """The source's options: the camera, as ``--camera`` names it."""

    camera: str


def check(plan: RunPlan) -> None:
    """Raise what speaks against the plan's camera, as far as it shows before it is opened."""
    camera_address(read_options(CameraOptions, plan).camera)
    scale_resolver(plan)


def _is_next(plan: RunPlan) -> bool:
    """Return whether the specimen before may still be in view: this one follows it, and has no picture yet."""
    if plan.joins:
        return plan.begins_next
    with LedgerReader.read(session_folder(plan.settings.state_dir, plan.session)) as ledger:
        return follows(ledger) is not None and not ledger.summary().frames


def main(plan: RunPlan, role: Role) -> None:
    """Watch the plan's camera until the role is stopped, or a video file to its end."""
    address = camera_address(read_options(CameraOptions, plan).camera)
    with CameraSource(address, plan, pass_first=_is_next(plan)) as source:
        get_logger().info("watching", camera=address.shown)
        deliver(plan, role, source)
