"""Register each field with those before it, and recognise its leukocytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from smearwatch.capture.registration.agreement import Tie, check_overlap
from smearwatch.capture.registration.atlas import Atlas, CellKey, KnownField, View
from smearwatch.capture.registration.clearness import BestViews, Clearness, measure_clearness
from smearwatch.capture.registration.keypoints import guess
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import ANGLES_DEG, Descriptor, Thumbnail, describe_cell
from smearwatch.capture.registration.similarity import Similarity
from smearwatch.daemon.record.placement import Placement

_LATEST = 3  # fields with which each new one is compared whatever it shows
_LEAST_ALIKE, _MOST_ALIKE = 0.8, 3
_DRIFT_UM = 12.0  # by which two paths to one position may differ
_MOST_NEAR = 3
_SAME_CELL_UM = 2.0
_MOST_CHECKS = 60  # of guesses for one field, so that one full of cells takes no longer than others
_MOST_TIES = 8  # ties that the ledger names


@dataclass(frozen=True, slots=True)
class WholeCell:
    """A leukocyte that the field shows whole: its number there and its thumbnail."""

    index: int
    thumbnail: Thumbnail


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a field lies, and which of its cells were counted before.

    Attributes
    ----------
    placement
        As the ledger records it; None for a field of a ledger that is older than registration.
    same_as
        For the index of each cell seen before, the frame and index under which it is counted.
    better_than
        For the index of each of them that is clearer here than in any field before, the clearest view until now.
    """

    placement: Placement | None
    same_as: dict[int, CellKey]
    better_than: dict[int, CellKey] = field(default_factory=dict)

    @property
    def seen_before(self) -> frozenset[int]:
        """The cells that get no verdict: those that an earlier field shows as well."""
        return frozenset(self.same_as.keys() - self.better_than.keys())


class SlideMap:
    """The fields of one session, registered one after the other.

    Nothing is guessed: a field lies where blocks all over its overlap with an earlier one look alike, or it is
    ``unplaced``; a cell was seen before where such an earlier field shows it at the same position.

    Parameters
    ----------
    picture_cache
        The pictures of the fields.
    judges_again
        Whether views that are clearly better than those before are named.
    """

    def __init__(self, picture_cache: PictureCache, *, judges_again: bool = True) -> None:
        self._picture_cache = picture_cache
        self._best = BestViews()
        self._judges_again = judges_again
        self._atlas = Atlas()
        self._registered: dict[str, Registered] = {}

    def register(self, frame: str, size_um: complex, cells: Sequence[WholeCell]) -> Registered:
        """Register a field; the same frame gets the same answer again.

        Parameters
        ----------
        frame
            Its SHA-256; the cache has its picture.
        size_um
            Width and height, x + iy.
        cells
            Its whole leukocytes.
        """
        if frame in self._registered:
            return self._registered[frame]
        turned = {cell.index: describe_cell(cell.thumbnail, ANGLES_DEG) for cell in cells}
        search = _Search(self._picture_cache, self._atlas, frame, turned)
        search.among_latest()
        search.by_descriptor()
        search.by_position()
        clear = {cell.index: measure_clearness(cell.thumbnail) for cell in cells}
        same_as = search.same_as()
        better_than = self._best.beaten(same_as, clear) if self._judges_again else {}
        registered = Registered(self._placement(search, size_um), same_as, better_than)
        self.remember(frame, size_um, registered, {index: _upright(seen) for index, seen in turned.items()}, clear)
        return registered

    def remember(
        self,
        frame: str,
        size_um: complex,
        registered: Registered,
        descriptors: dict[int, Descriptor],
        clear: Mapping[int, Clearness],
    ) -> None:
        """Add a field that was registered before.

        Parameters
        ----------
        frame, size_um
            See `register`.
        registered
            What was answered then.
        descriptors, clear
            Of its whole cells by index: descriptors, and how clearly the field shows them.
        """
        self._best.take(frame, registered.same_as, registered.better_than, clear)
        views = tuple(
            View(frame, index, seen.middle_um, registered.same_as.get(index, (frame, index)))
            for index, seen in descriptors.items()
        )
        placement = registered.placement or self._alone("unplaced")
        known = KnownField(placement.island, pose_of(placement, size_um), views)
        self._atlas.add(frame, known, list(descriptors.values()))
        self._registered[frame] = registered

    def _alone(self, status: Literal["first", "unplaced"]) -> Placement:
        return Placement(status, self._atlas.components, 0.0, 0.0, 0.0, 1.0)

    def _placement(self, search: "_Search", size_um: complex) -> Placement:
        ties = search.ties
        if not ties:
            return self._alone("unplaced" if self._atlas.fields else "first")
        pose, component = search.pose()
        middle = pose.at(size_um / 2)
        return Placement(
            status="placed",
            island=component,
            x_um=round(middle.real, 3),
            y_um=round(middle.imag, 3),
            angle_deg=round(pose.angle_deg, 4),
            scale=round(pose.scale, 6),
            tied_to=tuple(sorted(ties, key=lambda other: -ties[other].agreeing)[:_MOST_TIES]),
        )


def pose_of(placement: Placement, size_um: complex) -> Similarity:
    """Return the map from a field's micrometres to those of its component that a placement stands for."""
    turn = Similarity.of(scale=placement.scale, angle_deg=placement.angle_deg, shift=0j)
    return Similarity(turn.factor, complex(placement.x_um, placement.y_um) - turn.at(size_um / 2))


class _Search:
    """Search for the fields that a new one overlaps."""

    def __init__(self, picture_cache: PictureCache, atlas: Atlas, frame: str, turned: dict[int, Descriptor]) -> None:
        self._picture_cache = picture_cache
        self._atlas = atlas
        self._frame = frame
        self._turned = turned
        self._checks = 0
        self.ties: dict[str, Tie] = {}

    def among_latest(self) -> None:
        """Compare with the fields that came last, by points that look alike."""
        for other in self._atlas.latest(_LATEST):
            mine, theirs = self._picture_cache.keypoints(self._frame), self._picture_cache.keypoints(other)
            start = None if mine is None or theirs is None else guess(mine, theirs)
            if start is not None:
                self._check(other, start, None)

    def by_descriptor(self) -> None:
        """Compare with the fields whose cells look like those that are not known yet."""
        known = self.same_as()
        unknown = [index for index in self._turned if index not in known]
        descriptors = [self._turned[index] for index in unknown]
        for index, likely in zip(
            unknown, self._atlas.alike(descriptors, least=_LEAST_ALIKE, most=_MOST_ALIKE), strict=True
        ):
            if index in self.same_as():
                continue  # by a tie that another cell led to
            for likeness in likely:
                view = likeness.view
                start = Similarity.about(self._turned[index].middle_um, view.middle_um, angle_deg=-likeness.angle_deg)
                if view.frame not in self.ties and self._check(view.frame, start, view.middle_um):
                    break

    def by_position(self) -> None:
        """Compare with the fields that show a cell at the position of one that is not known yet."""
        if not self.ties:
            return
        pose, component = self.pose()
        for index, turned in self._turned.items():
            if index in self.same_as():
                continue
            near = [
                v for v in self._atlas.near(component, pose.at(turned.middle_um), _DRIFT_UM) if v.frame not in self.ties
            ]
            for view in near[:_MOST_NEAR]:
                there = self._atlas.fields[view.frame].pose.inverse().after(pose)
                start = Similarity(there.factor, view.middle_um - there.factor * turned.middle_um)
                if self._check(view.frame, start, view.middle_um):
                    break

    def pose(self) -> tuple[Similarity, int]:
        """Return the field's pose by its surest tie, and the component."""
        surest = max(self.ties, key=lambda other: self.ties[other].agreeing)
        field = self._atlas.fields[surest]
        return field.pose.after(self.ties[surest].onto), field.component

    def same_as(self) -> dict[int, CellKey]:
        """Return the cells that were counted before: those that a tied field shows at the same position."""
        met = sorted(self._meetings(), key=lambda meeting: meeting[0])
        known: dict[int, CellKey] = {}
        for _, index, counted_as in met:
            if index not in known and counted_as not in known.values():
                known[index] = counted_as
        return known

    def _meetings(self) -> Iterator[tuple[float, int, CellKey]]:
        for other, tie in self.ties.items():
            for view in self._atlas.fields[other].views:
                for index, turned in self._turned.items():
                    apart_um = abs(tie.onto.at(turned.middle_um) - view.middle_um)
                    if apart_um <= _SAME_CELL_UM:
                        yield apart_um, index, view.counted_as

    def _check(self, other: str, start: Similarity, seed_um: complex | None) -> bool:
        mine, theirs = self._picture_cache.picture(self._frame), self._picture_cache.picture(other)
        if mine is None or theirs is None or self._checks == _MOST_CHECKS:
            return False
        self._checks += 1
        tie = check_overlap(mine, theirs, start, seed_um=seed_um)
        if tie.holds:
            self.ties[other] = tie
        return tie.holds


def _upright(seen: Descriptor) -> Descriptor:
    return Descriptor(seen.middle_um, seen.values[:1], seen.known[:1])
