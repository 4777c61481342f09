"""Of which specimen a file in the folder is: of this one, of one before it, or of the next. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from smearwatch.capture.sources.settle import FileMark
from smearwatch.daemon.record.earlier import FileKey, file_keys
from smearwatch.daemon.record.values import printable
from smearwatch.daemon.wire.control import FileOnWire


class Of(Enum):
    """Of which specimen a file is."""

    THIS = "this"
    EARLIER = "earlier"
    NEXT = "next"
    UNCLEAR = "unclear"  # it came before the line and was changed after it
    REJECTED = "rejected"  # it was unclear, and is accounted for


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that had come before the line, as it was then, or as it was when it was taken.

    ``grows`` where its writer may not have ended by then. The mark's inode is 0 where it is not known. ``begins`` is
    what stood in it before the line, where that tells a picture from others: how many bytes, and their SHA-256.
    """

    mark: FileMark
    grows: bool = False
    taken: bool = False
    begins: tuple[int, str] | None = None


class SpecimenLine:
    """The lines between the specimens on one folder.

    Parameters
    ----------
    earlier : collection of tuple
        The files of specimens before this one.
    """

    def __init__(self, earlier: Collection[FileKey] = ()) -> None:
        self._earlier = frozenset(earlier)
        self._before: dict[str, Waiting] | None = None
        self._rejected: set[FileKey] = set()
        self._passed_over: dict[Of, set[str]] = {Of.EARLIER: set(), Of.NEXT: set()}

    def draw(self, waiting: Mapping[str, Waiting]) -> list[FileOnWire]:
        """Draw the line to the next specimen: what waits, by name, is the last that is of this one."""
        self._before = {str(printable(name)): each for name, each in waiting.items()}
        begins = {name: None if each.begins is None else each.begins[1] for name, each in self._before.items()}
        return [FileOnWire(*_key(name, each.mark), begins[name]) for name, each in self._before.items()]

    def hold(self, files: Sequence[FileOnWire] | None) -> None:
        """Hold a line that was drawn before; None: there is none. One that was drawn here is known better."""
        if files is None:
            self._before = None
        elif self._before is None:
            self._before = {
                file.name: Waiting(
                    FileMark(file.size_bytes, file.captured_at_ns, inode=0),
                    begins=None if file.begins is None else (file.size_bytes, file.begins),
                )
                for file in files
            }

    def begins(self, name: str) -> tuple[int, str] | None:
        """Return how a file began before the line, None where that is not known or it was taken."""
        stood = None if self._before is None else self._before.get(str(printable(name)))
        return None if stood is None else stood.begins

    def goes_on(self, name: str, mark: FileMark) -> None:
        """Note that a file still begins as it did before the line: its writer went on, and it is of this specimen."""
        if self._before is not None:
            self._before[str(printable(name))] = replace(self._before[str(printable(name))], mark=mark)

    def took(self, name: str, mark: FileMark) -> None:
        """Note that a file was taken as it was then."""
        if self._place(_key(name, mark), mark) is Of.UNCLEAR:
            self._rejected.add(_key(name, mark))
        if self._before is not None:
            self._before[str(printable(name))] = Waiting(mark, taken=True)

    def counters(self) -> dict[str, int]:
        """Return how many files were passed over, for they are of another specimen; nothing where there is no other."""
        names = {Of.EARLIER: "files_of_earlier_specimens", Of.NEXT: "files_for_the_next_specimen"}
        return {names[of]: len(files) for of, files in self._passed_over.items() if files}

    def place(self, name: str, mark: FileMark) -> Of:
        """Return of which specimen a file is, as it is now."""
        of = self._place(_key(name, mark), mark)
        if of in self._passed_over:
            self._passed_over[of].add(name)
        return of

    def _place(self, key: FileKey, mark: FileMark) -> Of:
        if not self._earlier.isdisjoint(file_keys(key)):
            return Of.EARLIER
        if key in self._rejected:
            return Of.REJECTED
        if self._before is None:
            return Of.THIS
        stood = self._before.get(key[0])
        if stood is None:
            return Of.NEXT
        if key == _key(key[0], stood.mark):
            return Of.THIS
        if stood.mark.inode not in (0, mark.inode):
            return Of.NEXT  # another file took its place
        grew = mark.size_bytes >= stood.mark.size_bytes
        if stood.taken:
            return Of.UNCLEAR if grew else Of.NEXT
        return Of.THIS if stood.grows and grew else Of.UNCLEAR


def _key(name: str, mark: FileMark) -> FileKey:
    """Spell a file as the ledger does."""
    return str(printable(name)), mark.size_bytes, max(0, mark.modified_at_ns)
