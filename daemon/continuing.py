"""Whether a session may be carried on, for slides must not mix: place, scale, search, classes, weights, specimen."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from smearwatch.daemon.folder_check import is_picture_name
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.anchors import anchored_faults
from smearwatch.daemon.record.events import Opened, Seen
from smearwatch.daemon.record.extra_classes import extra_classes_of
from smearwatch.daemon.record.page_names import file_of_page
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.values import printable
from smearwatch.daemon.regular_file import open_regular
from smearwatch.daemon.weights import manifest_mark

_FIRST: Final = 5
"""So many of a session's first pictures are looked for in the folder that it is carried on with."""


class NotContinued(Exception):
    """A session that was begun on something else, and is not carried on unasked."""

    def __init__(self, session: str, differences: list[str], hint: str) -> None:
        super().__init__(f"session {session} is not carried on unasked: {'; '.join(differences)}")
        self.hint = hint


def check_continues(plan: RunPlan) -> None:
    """Refuse to carry on a session that was begun on something else.

    Raises
    ------
    NotContinued
        It has frames, and was begun on another folder or camera, or another slide's folder stands in its place, at
        another scale, with another search, band rule, extra classes or weights, or is of another specimen; nobody
        asked to carry it on all the same. Or it is not what it was, as the audit journal says.
    LedgerUnusable
        It cannot be read.
    """
    folder = session_folder(plan.settings.state_dir, plan.session)
    if plan.carry_on or not (folder / LEDGER_FILE).is_file():
        return
    with LedgerReader.read(folder) as ledger:
        if not ledger.summary().frames:
            return
        description = ledger.description()
        differences = list(_differences(plan, ledger.openings(), description.specimen if description else None))
        if not differences and plan.watch_dir is not None and (other := other_pictures(plan.watch_dir, ledger)):
            differences.append(other)
    if faults := anchored_faults(folder):
        keep = "keep the folder as it is, and look for a later copy; --continue goes on all the same"
        raise NotContinued(plan.session, faults, keep)
    if differences:
        elsewhere = "give --into another name"
        here = "give another --session, or --continue where it is the same slide all the same"
        raise NotContinued(plan.session, differences, here if plan.replay_of is None else elsewhere)


def _differences(plan: RunPlan, openings: list[Opened], specimen: str | None) -> Iterator[str]:
    ours = plan.origin()
    theirs = {str(mark): str(each.settings["origin"]) for each in openings if (mark := each.settings.get("origin_of"))}
    if ours and theirs and ours["origin_of"] not in theirs:
        name = list(theirs.values())[-1]
        where = "another place" if name == ours["origin"] else name
        yield f"it was begun on {where}, and not on {ours['origin_in_full']}"
    last = openings[-1]
    rule = str(last.settings.get("band_rule", plan.settings.band_rule))
    if rule != plan.settings.band_rule:
        yield f"it was counted under the band rule {rule}, and not {plan.settings.band_rule}"
    search = str(last.settings.get("search_stain", plan.settings.search_stain))
    if search != plan.settings.search_stain:
        yield f"its fields were searched with --search-stain {search}, and not {plan.settings.search_stain}"
    known = {each.name: each.counts for each in extra_classes_of(each.extra_classes for each in openings)}
    for ours_now in plan.settings.extra_classes_as_recorded:
        if known.get(ours_now.name, ours_now.counts) != ours_now.counts:
            yield f"its {ours_now.name} cells count as {known[ours_now.name]}, and not as {ours_now.counts}"
    scales = [scale for each in openings if (scale := each.settings.get("um_per_px", "auto")) != "auto"]
    if plan.um_per_px is not None and scales and scales[-1] != plan.um_per_px:
        yield f"it was counted at {scales[-1]:g} um per px, and not at {plan.um_per_px:g}"
    if last.field_um != plan.settings.field_um:
        yield f"its cells were cut out {last.field_um:g} um wide, and not {plan.settings.field_um:g}"
    view = str(last.settings.get("judged_view", plan.settings.judged_view))
    if view != plan.settings.judged_view:
        yield f"of its cells the {view} view was judged, and not the {plan.settings.judged_view}"
    weights = manifest_mark(plan.settings.weights)
    if weights is not None and last.settings.get("weights_manifest", weights) != weights:
        yield f"it was counted with other weights, and not with {plan.settings.weights}"
    wanted = plan.said.get("specimen")
    if specimen is not None and wanted is not None and wanted != specimen:
        yield f"it is of the specimen {specimen}, and not of {wanted}"


def other_pictures(folder: Path, ledger: LedgerReader) -> str | None:
    """Return why the pictures in a folder cannot be a session's, None where they may be.

    Pictures may have been moved away, so an empty folder says nothing. Where a picture lies there that the session has,
    it is the same folder. A camera's software that writes one name again and again leaves nothing to compare.
    """
    try:
        there = {str(printable(path.name)) for path in folder.iterdir() if is_picture_name(path.name)}
    except OSError:
        return None  # whoever watches it says so
    seen = [recorded.event for recorded in ledger.seen_frames() if isinstance(recorded.event, Seen)]
    times = Counter(each.name for each in seen)
    known = [each for each in seen if each.stored and each.source == "folder"]
    if any(_is_page_of(folder, each) for each in known):
        return None
    if not there or not known or any(times[each.name] > 1 for each in known if each.name in there):
        return None
    both = list(islice((each for each in known if each.name in there), _FIRST))
    if any(_digest(folder / each.name) in (each.frame, None) for each in both):
        return None
    if both:
        return f"other pictures lie in {folder} under the names of those that it began with, such as {both[0].name}"
    return f"none of its pictures lies in {folder} any more, and others do"


def _is_page_of(folder: Path, frame: Seen) -> bool:
    """Return whether a frame is a page of a file that lies in a folder as it was."""
    file = file_of_page(frame.name)
    try:
        return file is not None and max(0, (folder / file).stat().st_mtime_ns) == frame.captured_at_ns
    except OSError:
        return False


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, None where it cannot be read."""
    try:
        with open_regular(path, most_bytes=None) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
