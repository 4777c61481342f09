"""An unfinished cell-location test as a file: each field that was marked is on the disk before it is compared."""

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.location import Mark, Order
from smearwatch.daemon.record.values import STRICT, Count, Person, Sha256
from smearwatch.daemon.regular_file import read_regular

FILE: Final = "location.unfinished"


@dataclass(slots=True, config=STRICT)
class DraftField:
    """A field that was marked: the marks, and by index what is said of each cell that has none; None: not yet."""

    frame: Sha256
    marks: tuple[Mark, ...]
    unmarked: dict[Count, bool | None]

    @property
    def is_open(self) -> bool:
        """Whether the reader still has to say what a cell is."""
        return None in self.unmarked.values()


@dataclass(slots=True, config=STRICT)
class Draft:
    """An unfinished test. ``not_shown`` are fields that no page can show."""

    by: Person
    began_at_ns: Count
    order: Order
    fields: list[DraftField] = field(default_factory=list)
    not_shown: list[Sha256] = field(default_factory=list)


_DRAFT: Final = TypeAdapter(Draft)


def read_draft(folder: Path) -> Draft | None:
    """Return the unfinished test of a session, None where there is none; raises `DraftUnusable`."""
    path = folder / FILE
    try:
        return _DRAFT.validate_json(read_regular(path))
    except FileNotFoundError:
        return None
    except ValidationError:
        what = f"{path}: not what a location test writes"
        raise DraftUnusable(what, "move that file away, and begin the test again") from None
    except OSError as error:
        raise _unwritable(path, error) from error


def check_draft(folder: Path, draft: Draft, found_of: Callable[[str], Found | None]) -> None:
    """Check that an unfinished test is of what was found in its session; raises `DraftUnusable`."""
    for each in draft.fields:
        found = found_of(each.frame)
        cells = set() if found is None else {cell.index for cell in found.cells}
        named = {mark.cell for mark in each.marks if mark.cell is not None} | set(each.unmarked)
        if found is None or not named <= cells:
            what = f"{folder / FILE}: of fields or cells that are not in this session"
            raise DraftUnusable(what, "move that file away, and begin the test again")


def write_draft(folder: Path, draft: Draft) -> None:
    """Keep an unfinished test; it is on the disk when this returns. Raises `DraftUnusable`."""
    path = folder / FILE
    try:
        write_atomically(path, _DRAFT.dump_json(draft), mode=0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def remove_draft(folder: Path) -> None:
    """Remove the unfinished test: it was kept, or is not wanted. Raises `DraftUnusable`."""
    path = folder / FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DraftUnusable:
    what = f"{path}: {error.strerror or error}"
    return DraftUnusable(what, "check the disk and the right to write there; the fields marked before are safe")
