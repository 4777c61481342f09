"""Where an imported session came from, as a file beside its ledger: the chain is as it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.record.archive_manifest import Held
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import RESTORE, LedgerUnusable
from smearwatch.daemon.record.values import STRICT, Count, Name, Person, Sha256, Word
from smearwatch.daemon.regular_file import read_regular

IMPORTED_FILE: Final = "imported.json"


@dataclass(frozen=True, slots=True, config=STRICT)
class Imported:
    """Where a session came from.

    Attributes
    ----------
    session
        What it is called in its own record.
    archive, sha256
        The file, by its name and its bytes.
    software
        The version that wrote the file.
    events, chain
        How many entries came, and the chain's value at the last of them.
    frames
        Whether the frames came with it.
    deidentified
        Whether what names people and specimens had been taken out before.
    original
        Then: as in `smearwatch.daemon.record.archive_manifest.Manifest`.
    by, imported_at_ns
        Who imported it, and when.
    """

    session: Word
    archive: Name
    sha256: Sha256
    software: str
    events: Count
    chain: Sha256
    frames: Held
    deidentified: bool
    original: Sha256 | None
    by: Person
    imported_at_ns: Annotated[int, Field(ge=0)]


_IMPORTED: Final[TypeAdapter[Imported]] = TypeAdapter(Imported)


def read_imported(folder: Path) -> Imported | None:
    """Return where a session came from, None where it was recorded here; raises `LedgerUnusable`."""
    path = folder / IMPORTED_FILE
    try:
        return _IMPORTED.validate_json(read_regular(path))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        what = (error.strerror or str(error)) if isinstance(error, OSError) else "damaged"
        raise LedgerUnusable(path, what, RESTORE) from error


def write_imported(folder: Path, imported: Imported) -> None:
    """Keep beside the ledger where a session came from; raises OSError."""
    write_atomically(folder / IMPORTED_FILE, _IMPORTED.dump_json(imported, indent=1) + b"\n")


def recorded_name(folder: Path) -> str:
    """Return what a session is called in its own record: as its folder, unless it was imported under another name."""
    imported = read_imported(folder)
    return folder.name if imported is None else imported.session


def imported_json(imported: Imported | None) -> dict[str, Any] | None:
    """Return it for machines."""
    return None if imported is None else _IMPORTED.dump_python(imported, mode="json")


def flaws_of_import(ledger: LedgerReader, imported: Imported) -> Iterator[str]:
    """Yield what says that the record is not the one that came: here what was cut off at its end is noticed, too."""
    if imported.events == 0:
        return
    rows = ledger.rows("SELECT chain FROM events WHERE number = ?", imported.events)
    if rows != [(bytes.fromhex(imported.chain),)]:
        yield f"the record is not the one that was imported from {imported.archive}: entry {imported.events} is another"
