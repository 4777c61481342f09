"""A cell-location test while it is made: fields drawn, marked without the machine's cells, compared, and kept."""

import time
from collections.abc import Sequence
from itertools import combinations
from math import dist
from pathlib import Path
from threading import Lock
from typing import Any, Final

from smearwatch.clients.quality.comparing import RADIUS_UM, Earlier, compare, compared_json
from smearwatch.clients.quality.draft import Draft, DraftField, check_draft, read_draft, remove_draft, write_draft
from smearwatch.clients.quality.location_report import AIM, figures, kept_json
from smearwatch.clients.quality.matching import in_order
from smearwatch.clients.reviewing.pictures import NoPicture, whole_frame
from smearwatch.daemon.record.events import Found
from smearwatch.daemon.record.keeping import keep_location_test
from smearwatch.daemon.record.location import LocationTested, MarkedField, Order, Unmarked, location_tests
from smearwatch.daemon.record.reading import LedgerReader

_LEAST_APART_UM: Final = 2.0  # nearer ones are on one leukocyte


class NotNow(Exception):
    """What was asked for does not fit how far the test has come."""

    hint = "open the location test again: it goes on where it is"


class LocationTest:
    """The cell-location test of a session. Safe for threads.

    What the machine found in a field is told once its marks are on the disk, and these then stay as they are.

    Parameters
    ----------
    folder : Path
        The session's.
    reader : str
        Who sits before the page; nothing where that is not known. Somebody else's unfinished test is left alone.
    """

    def __init__(self, folder: Path, reader: str = "") -> None:
        self._folder = folder
        self._lock = Lock()
        self._readers = {reader} - {""}

    def begin(self, by: str, order: Order) -> None:
        """Begin a test; raises `NotNow` where one is unfinished."""
        with self._lock:
            if read_draft(self._folder) is not None:
                raise NotNow("a location test of this session is unfinished")
            self._readers.add(by)
            write_draft(self._folder, Draft(by, time.time_ns(), order))

    def state(self) -> dict[str, Any]:
        """Return how far the test has come, the field that is to be marked or judged, and the tests that were kept."""
        with self._lock, LedgerReader.read(self._folder) as ledger:
            state: dict[str, Any] = {"aim": AIM, "test": None, "field": None, "compared": None, "of_another": None}
            state["kept"] = [kept_json(test, withdrawn) for test, withdrawn in location_tests(ledger)]
            draft = read_draft(self._folder)
            if draft is None:
                return state
            if self._is_anothers(draft):
                return state | {"of_another": draft.by}
            draft = self._draft(ledger)
            frames = [found.frame for found in ledger.found_frames()]
            if draft.fields and draft.fields[-1].is_open:
                here: str | None = draft.fields[-1].frame
                state["compared"] = compared_json(ledger, draft.fields[-1])
            else:
                here = self._next(ledger, draft, frames)
            before = draft.fields[:-1] if state["compared"] else draft.fields
            state["field"] = None if here is None else _field_json(ledger, here, frames, before)
            return state | {"test": _progress(draft) | {"fields_found": len(frames)}}

    def compare(self, frame: str, marks_px: Sequence[tuple[float, float]]) -> dict[str, Any]:
        """Take the marks of the field that is to be marked; return the machine's cells beside them, and the figures."""
        with self._lock, LedgerReader.read(self._folder) as ledger:
            draft = self._draft(ledger)
            found = ledger.found(frame)
            frames = [each.frame for each in ledger.found_frames()]
            open_ = draft.fields and draft.fields[-1].is_open
            if found is None or open_ or frame != self._next(ledger, draft, frames):
                raise NotNow("another field is to be marked")
            if any(not (0 <= x <= found.width_px and 0 <= y <= found.height_px) for x, y in marks_px):
                raise NotNow("a mark lies outside of the field")
            apart_px = _LEAST_APART_UM / found.um_per_px
            if any(dist(one, two) < apart_px for one, two in combinations(marks_px, 2)):
                raise NotNow("two marks lie on one leukocyte: take one of them away")
            rounded = [(round(x, 1), round(y, 1)) for x, y in marks_px]
            draft.fields.append(compare(ledger, Earlier.of(ledger, draft.fields), found, rounded))
            write_draft(self._folder, draft)
            return {"compared": compared_json(ledger, draft.fields[-1]), "test": _progress(draft)}

    def answer(self, frame: str, index: int, *, leukocyte: bool) -> dict[str, Any]:
        """Take what the reader says of a cell that has no mark; it may be said otherwise until the next field."""
        with self._lock, LedgerReader.read(self._folder) as ledger:
            draft = self._draft(ledger)
            last = draft.fields[-1] if draft.fields else None
            if last is None or last.frame != frame or index not in last.unmarked:
                raise NotNow("that cell is not asked for")
            last.unmarked[index] = leukocyte
            write_draft(self._folder, draft)
            return {"compared": compared_json(ledger, last), "test": _progress(draft)}

    def keep(self, note: str | None) -> LocationTested:
        """Add the test to the session's record.

        Raises
        ------
        NotNow
            There is no test, no leukocyte was marked, or a cell is still to be judged.
        StillCounted, SessionBusy, SessionMissing, LedgerRefused, LedgerUnusable
            The session cannot be written; the test is safe.
        """
        with self._lock:
            with LedgerReader.read(self._folder) as ledger:
                draft = self._draft(ledger)
            if any(field.is_open for field in draft.fields):
                raise NotNow("a cell of the last field is still to be judged")
            if not _progress(draft)["marked"]:
                raise NotNow("no leukocyte was marked")

            def made(now_ns: int, ordinal: int) -> LocationTested:
                fields = tuple(_kept(field) for field in draft.fields)
                begun = (draft.by, draft.began_at_ns)
                return LocationTested(
                    *begun, now_ns, ordinal, draft.order, RADIUS_UM, fields, len(draft.not_shown), note
                )

            kept = keep_location_test(self._folder, draft.began_at_ns, made)
            remove_draft(self._folder)
            return kept

    def discard(self) -> None:
        """Throw the unfinished test away; nothing of it is kept. Raises `NotNow` where it is another reader's."""
        with self._lock:
            draft = read_draft(self._folder)
            if draft is not None and self._is_anothers(draft):
                raise _of_another(draft)
            remove_draft(self._folder)

    def picture(self, frame: str) -> bytes:
        """Return a field as JPEG; raises `NoPicture` where it cannot be shown."""
        with LedgerReader.read(self._folder) as ledger:
            found = ledger.found(frame)
        if found is None:
            raise NoPicture(frame)
        return self._whole(found)

    def _is_anothers(self, draft: Draft) -> bool:
        return bool(self._readers) and draft.by not in self._readers

    def _draft(self, ledger: LedgerReader) -> Draft:
        draft = read_draft(self._folder)
        if draft is None:
            raise NotNow("no location test was begun")
        if self._is_anothers(draft):
            raise _of_another(draft)
        check_draft(self._folder, draft, ledger.found)
        return draft

    def _whole(self, found: Found) -> bytes:
        return whole_frame(self._folder / "frames", found.frame, (found.width_px, found.height_px))

    def _next(self, ledger: LedgerReader, draft: Draft, frames: list[str]) -> str | None:
        """Return the field that is to be marked, None where there is none; note those that cannot be shown."""
        done = {field.frame for field in draft.fields} | set(draft.not_shown)
        if not frames:
            return None
        first = next(ledger.events(limit=1)).chain
        for frame in in_order(frames, draft.order, first, draft.began_at_ns):
            if frame in done:
                continue
            found = ledger.found(frame)
            assert found is not None
            try:
                self._whole(found)
            except NoPicture:
                draft.not_shown.append(frame)
                write_draft(self._folder, draft)
                continue
            return frame
        return None


def _of_another(draft: Draft) -> NotNow:
    return NotNow(f"the unfinished location test is {draft.by}'s, who goes on with it or throws it away")


def _field_json(ledger: LedgerReader, frame: str, frames: list[str], before: list[DraftField]) -> dict[str, Any]:
    found, seen = ledger.found(frame), ledger.seen(frame)
    assert found is not None
    assert seen is not None
    return {
        "frame": frame,
        "number": frames.index(frame) + 1,
        "name": seen.name,
        "width_px": found.width_px,
        "height_px": found.height_px,
        "um_per_px": found.um_per_px,
        "before": Earlier.of(ledger, before).seen_in(found),
    }


def _progress(draft: Draft) -> dict[str, Any]:
    marks = [mark for field in draft.fields for mark in field.marks if mark.aside is None]
    said = [said for field in draft.fields for said in field.unmarked.values()]
    return {
        "by": draft.by,
        "order": draft.order,
        "began_at_ns": draft.began_at_ns,
        "fields": len(draft.fields),
        "not_shown": len(draft.not_shown),
        "to_be_judged": said.count(None),
        **figures(
            len(marks),
            sum(mark.cell is not None for mark in marks),
            sum(mark.rejected is not None for mark in marks),
            said.count(True),
            said.count(False),
        ),
    }


def _kept(field: DraftField) -> MarkedField:
    unmarked = tuple(Unmarked(index, bool(leukocyte)) for index, leukocyte in field.unmarked.items())
    return MarkedField(field.frame, field.marks, unmarked)
