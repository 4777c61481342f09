"""A session's map in the finder: read from the ledger, continued with each field that is found."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from smearwatch.capture.finder.field import THUMBNAIL_PX, THUMBNAIL_UM, FieldFound
from smearwatch.capture.finder.hub_record import Record
from smearwatch.capture.formats.decode import FrameUnusable, decode
from smearwatch.capture.registration.atlas import CellKey
from smearwatch.capture.registration.clearness import measure_clearness
from smearwatch.capture.registration.picture import PackedPicture, pack_picture
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import Thumbnail, describe_cell
from smearwatch.capture.registration.slide_map import Registered, SlideMap, WholeCell
from smearwatch.capture.vision.field_part import find_part
from smearwatch.capture.vision.round_field import find_round_field, flatten_inside, without_surround
from smearwatch.daemon.log import frame_id, get_logger
from smearwatch.daemon.record.found import CUT, Found
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.picture_kinds import PictureKinds
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.wire.messages import Welcome


class SessionMap:
    """Registers the fields of the session whose ledger this is.

    The ledger is what is known: a map that is read from it continues where another one ended, with the same answers.

    Parameters
    ----------
    ledger
        The session's record, to be read. Frames are decoded again where a picture is wanted that is no longer there.
    max_pixels
        Largest picture that is decoded.
    judges_again
        Whether views that are clearly better than those before are named.
    step
        Called for each frame that is read: of a long session that takes its time.

    Attributes
    ----------
    kinds : PictureKinds
        What red cells said of each kind of picture, and for which size each given scale was used first.
    two_objectives : bool
        Whether a field was rejected as one of another magnification since this map was read; the hub knows the others.
    """

    def __init__(
        self, ledger: Record, *, max_pixels: int, judges_again: bool = True, step: Callable[[], None] = lambda: None
    ) -> None:
        self._step = step
        self._ledger = ledger
        self._max_pixels = max_pixels
        self._picture_cache = PictureCache(self._remake)
        self._map = SlideMap(self._picture_cache, judges_again=judges_again)
        self.kinds = PictureKinds()
        self.two_objectives = False
        self._known: set[str] = set()
        for found in ledger.found_frames():
            self._remember(found)
            step()

    def knows(self, frame: str) -> bool:
        """Return whether a frame was searched before."""
        return frame in self._known

    def register(self, frame: str, result: FieldFound) -> Registered:
        """Register a field that was searched; return also which of its cells were counted before."""
        if not self.knows(frame):
            size = (result.width_px, result.height_px)
            self.kinds.searched(size, result.um_per_px, result.um_per_px_source, result.um_per_px_estimate)
            self._known.add(frame)
        self._picture_cache.put(frame, result.picture, result.keypoints)
        size_um = complex(result.width_px, result.height_px) * result.um_per_px
        seen = (
            (cell.index, _thumbnail(cell.thumbnail_jpeg, cell.leukocyte.centre_xy_px, result.um_per_px, size_um))
            for cell in result.cells
            if not cell.leukocyte.at_edge
        )
        cells = [WholeCell(index, thumbnail) for index, thumbnail in seen if thumbnail is not None]
        return self._map.register(frame, size_um, cells)

    def _remember(self, found: Found) -> None:
        self._known.add(found.frame)
        self.kinds.found(found)
        size_um = complex(found.width_px, found.height_px) * found.um_per_px
        seen = dict(self._thumbnails(found, size_um))
        same_as = {cell.index: _key(cell.same_as) for cell in found.cells if cell.same_as is not None}
        better_than = {cell.index: _key(cell.better_than) for cell in found.cells if cell.better_than is not None}
        descriptors = {index: describe_cell(thumbnail) for index, thumbnail in seen.items()}
        judged = {cell.index for cell in found.cells if cell.is_judged}
        clear = {index: measure_clearness(thumbnail) for index, thumbnail in seen.items() if index in judged}
        self._map.remember(found.frame, size_um, Registered(found.placement, same_as, better_than), descriptors, clear)

    def _thumbnails(self, found: Found, size_um: complex) -> Iterator[tuple[int, Thumbnail]]:
        for cell in found.cells:
            jpeg = None if cell.left_out == CUT else self._ledger.thumbnail(found.frame, cell.index)
            thumbnail = None if jpeg is None else _thumbnail(jpeg, cell.centre_xy_px, found.um_per_px, size_um)
            if thumbnail is not None:
                yield cell.index, thumbnail

    def _remake(self, frame: str) -> PackedPicture | None:
        found = self._ledger.found(frame)
        assert found is not None
        self._step()
        try:
            bgr = decode(self._ledger.frames.read_as_recorded(frame), max_pixels=self._max_pixels)
        except (FrameStoreError, FrameUnusable) as error:
            if isinstance(error, FrameStoreError) and error.may_pass:
                raise  # without its fields a leukocyte would be counted twice
            get_logger().error(
                "earlier frame is damaged, no field is registered with it", frame=frame_id(frame), why=str(error)
            )
            return None
        part = find_part(bgr)
        bgr = part.cut(bgr)
        round_field = find_round_field(bgr)
        flat = flatten_inside(without_surround(bgr, round_field), round_field, found.um_per_px)
        return pack_picture(part.in_picture(flat.work), flat.um_per_px).with_leukocytes(
            (cell.box for cell in found.cells), found.um_per_px
        )


class SessionMaps:
    """The map of whichever session a finder works for; use it in one thread.

    Parameters
    ----------
    open_record
        Takes a session's name; opens its record.
    step
        Called at each step of reading one.
    """

    def __init__(self, open_record: Callable[[str], Record], step: Callable[[], None] = lambda: None) -> None:
        self._open_record = open_record
        self._step = step
        self._of: tuple[Welcome, int] | None = None
        self._ledger: Record | None = None
        self._map: SessionMap | None = None

    def of(self, hub: Welcome, turn: int) -> SessionMap:
        """Return the map of a hub's session, read anew for each hub: what the one before did not commit is forgotten.

        It is read anew for each turn, too: another finder may have worked for the session before it.

        Call it with a lease of that hub in hand: by then the ledger holds all that will ever be known of what an
        earlier finder found.
        """
        if self._map is None or self._of != (hub, turn):
            self.close()
            self._ledger = self._open_record(hub.session)
            judges_again = hub.terms.judged_view == "best"
            pixels, step = hub.terms.max_frame_pixels, self._step
            self._map = SessionMap(self._ledger, max_pixels=pixels, judges_again=judges_again, step=step)
            self._of = (hub, turn)
        return self._map

    def close(self) -> None:
        """Close the ledger. Doing it twice is harmless."""
        if self._ledger is not None:
            self._ledger.close()
        self._ledger = self._map = self._of = None


def _key(name: CellName) -> CellKey:
    return name.frame, name.index


def _thumbnail(jpeg: bytes, centre_xy_px: tuple[float, float], um_per_px: float, size_um: complex) -> Thumbnail | None:
    """Decode a thumbnail; None where its bytes were damaged, for which no chain answers."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if bgr is None:
        return None
    return Thumbnail(
        np.asarray(bgr, np.uint8), THUMBNAIL_UM / THUMBNAIL_PX, complex(*centre_xy_px) * um_per_px, size_um
    )
